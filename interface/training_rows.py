"""A word to whoever makes something to give away in which training rows lie."""

import typer


def tell_training_rows(file: str) -> None:
    """Tell on standard error that a file holds embeddings of training rows."""
    typer.echo(f"note: {file} holds embeddings of training rows, which tell much of their texts", err=True)
