"""The page itself: inputs, examples and answers, in Gradio."""

from collections.abc import Sequence
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from .many_texts import MOST_ROWS, answer_file, answer_lines
from .one_text import answer_text

STYLE = Path(__file__).parent / "page.css"
_OLDEST_FILE_SECONDS = 3600  # what people upload is deleted from the server's disk after that
_LARGEST_UPLOAD = "10mb"


def build_page(model: Any, name: str, examples: Sequence[str] = ()) -> gr.Blocks:
    """Return the page of a model.

    Args:
        model: A `PolyheadModel`, of the package or of a checkpoint's code.
        name: Shown as its title.
        examples: Texts to choose from.
    """
    tasks = model.config.tasks
    with gr.Blocks(
        title=name, fill_width=True, analytics_enabled=False, delete_cache=(600, _OLDEST_FILE_SECONDS)
    ) as page:
        gr.HTML(_heading(name, tasks))
        with gr.Tab("One text"):
            _one_text(model, examples)
        if not tasks or any(not task.is_pair for task in tasks):
            with gr.Tab("Many texts"):
                _many_texts(model)
    return page


def serve(page: gr.Blocks, host: str | None = None, port: int | None = None, share: bool = False) -> None:
    """Serve the page until the process is stopped; on a Space, Gradio finds host and port itself."""
    font = ["system-ui", "sans-serif"]  # the themes' own would be fetched from Google
    page.launch(
        server_name=host,
        server_port=port,
        share=share,
        theme=gr.themes.Default(primary_hue="blue", font=font, font_mono=["monospace"]),
        css=STYLE.read_text(encoding="utf-8"),
        max_file_size=_LARGEST_UPLOAD,
        footer_links=[],
        run_history=False,  # nobody's texts are kept in the browser
        enable_monitoring=False,
        ssr_mode=False,
        quiet=True,
    )


def _heading(name: str, tasks: Sequence[Any]) -> str:
    told = ", ".join(task.name for task in tasks) or "none: a plain sentence encoder"
    return f'<header class="ph-heading"><h1>{escape(name)}</h1><p>Tasks: {escape(told)}</p></header>'


def _one_text(model: Any, examples: Sequence[str]) -> None:
    text = gr.Textbox(label="Text", lines=3, max_lines=12, elem_id="text")
    second = gr.Textbox(label="Second text, to compare with (may stay empty)", elem_id="second")
    button = gr.Button("Answer", variant="primary", elem_id="answer")
    answers = gr.HTML(elem_id="answers")
    answer = partial(answer_text, model)
    for event in (button.click, text.submit, second.submit):
        event(answer, [text, second], answers, api_visibility="private")
    if examples:
        # Below the answers, where they push nothing off a phone's screen. Not cached, though a Space would do so.
        listed = [[example] for example in examples]
        gr.Examples(listed, text, answers, answer, cache_examples=False, run_on_click=True, api_visibility="private")


def _many_texts(model: Any) -> None:
    lines = gr.Textbox(label=f"Texts, one a line (up to {MOST_ROWS:,})", lines=5, max_lines=20, elem_id="lines")
    button = gr.Button("Answer the lines", variant="primary", elem_id="answer-lines")
    with gr.Row():
        file = gr.File(label="CSV file, UTF-8, with a header line", height=150, elem_id="file")
        with gr.Column():
            column = gr.Textbox("text", label="Column with the texts", elem_id="column")
            file_button = gr.Button("Answer the file", elem_id="answer-file")
    table = gr.HTML(elem_id="table")
    for event in (button.click, lines.submit):
        event(partial(answer_lines, model), lines, table, api_visibility="private")
    file_button.click(partial(answer_file, model), [file, column], table, api_visibility="private")
