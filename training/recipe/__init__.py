"""Recipes: the YAML file that says what to train, read and validated as a whole."""
