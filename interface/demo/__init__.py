"""The page of `polyhead demo`: a model's answers in a browser.

These files import gradio, numpy and the standard library alone, and are handed their model: a Space gets a copy of this
folder, and runs it beside a checkpoint that brings its own code.
"""
