"""The command line as a whole: its flags, and help that does not wait for torch."""

import subprocess
import sys

import pytest
import typer

from polyhead.cli import app

# Whoever changes a flag changes this list, and CHANGELOG.md.
FLAGS = {
    "train": ["recipe", "--output", "--set", "--resume", "--no-check"],
    "evaluate": ["model", "recipe", "--split", "--tasks", "--against", "--set", "--json", "--save"],
    "predict": [
        *(
            "model",
            "texts",
            "--file",
            "--column",
            "--pair",
            "--tasks",
            "--json",
            "--output",
            "--on-bad",
            "--batch-size",
        ),
        *("--num-workers", "--dtype", "--abstain"),
    ],
    "encode": [
        *("model", "texts", "--file", "--column", "--json", "--output", "--truncate-dim", "--prompt-name"),
        *("--on-bad", "--batch-size", "--num-workers", "--dtype"),
    ],
    "plan": ["recipe", "--set", "--json", "--picture", "--timed-steps"],
    "check": ["recipe", "--set", "--json"],
    "study": ["file", "--output", "--budget", "--jobs", "--quick", "--test", "--retry-failed", "--report"],
    "verify": ["folder", "--json"],
    "push": ["folder", "repo", "--private", "--public", "--dry-run", "--revision", "--pr", "--onnx"],
    "calibrate": ["folder", "recipe", "--split", "--tasks", "--coverage", "--precision", "--set", "--json"],
    "demo": ["model", "--host", "--port", "--share", "--space"],
    "explore": ["model", "file", "--output", "--column", "--method", "--on-bad", "--batch-size"],
    "env": ["--json"],
    "heads list": ["model", "--json"],
    "heads add": ["model", "file", "--output", "--name"],
    "heads drop": ["model", "task", "--output"],
    "heads rename": ["model", "task", "new_name", "--output"],
    "heads replace": ["model", "task", "file", "--output"],
    "heads merge": ["model", "other", "--output", "--tasks"],
    "heads extract": ["model", "task", "--output"],
    "export onnx": ["model", "output", "--int8"],
    "export encoder": ["model", "output"],
}
# Not pydantic: newer versions of Typer parse with it.
HEAVY = {"torch", "transformers", "numpy", "datasets", "huggingface_hub", "safetensors", "yaml", "gradio"}


def commands(group=None, prefix=""):
    """Return every command by its name, those of groups as "group command"."""
    found = {}
    for name, command in (group or typer.main.get_command(app)).commands.items():
        found |= commands(command, f"{prefix}{name} ") if hasattr(command, "commands") else {prefix + name: command}
    return found


def test_flags_are_those_of_the_frozen_list():
    assert {name: [parameter.opts[0] for parameter in command.params] for name, command in commands().items()} == FLAGS


@pytest.mark.parametrize("arguments", [["--help"], *([*name.split(), "--help"] for name in FLAGS), ["--version"]])
def test_help_imports_nothing_heavy(arguments):
    code = (
        "import sys; from polyhead.cli import main\n"
        "try: main()\n"
        f"except SystemExit as end: assert not end.code; print(sorted(set(sys.modules) & {HEAVY}), file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    assert result.stdout
    assert result.stderr.strip() == "[]"


def test_no_summary_of_a_command_is_cut_short(polyhead):
    for group in ([], ["heads"], ["export"]):
        assert "..." not in polyhead(*group, "--help").stdout.partition("Commands:")[2]


def test_every_option_says_what_it_does(polyhead):
    for name, command in commands().items():
        shown = polyhead(*name.split(), "--help").stdout
        assert all(parameter.help for parameter in command.params), name
        assert all(flag in shown for flag in FLAGS[name] if flag.startswith("--"))
