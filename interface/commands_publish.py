"""`polyhead verify` and `polyhead push`: whether a folder is what was saved, and out to the Hub."""

from pathlib import Path
from typing import Annotated

import typer

from .mistakes import MISTAKE
from .training_rows import tell_training_rows

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a saved model.")]


def verify(
    folder: Folder,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of lines.")] = False,
) -> None:
    """Check that a folder holds the model that was saved.

    None of its code is run. Files against the manifest, code files against the installed package, no pickles, and the
    answers to the golden sentences within 1e-5. What differs is named, with exit code 2.
    """
    from .json_lines import print_json
    from .publishing.verification import verify_folder
    from .quiet import quiet_transformers

    quiet_transformers()
    found = verify_folder(folder)
    if as_json:
        print_json({"folder": str(folder), "verified": not found.problems, **vars(found)})
    else:
        for line in found.checks:
            print(line)
        for line in found.problems:
            typer.echo(f"problem: {line}", err=True)
    if found.problems:
        raise typer.Exit(MISTAKE)


def push(
    folder: Folder,
    repo: Annotated[str, typer.Argument(metavar="REPO", help="Repository on the Hub: owner/name.")],
    private: Annotated[
        bool, typer.Option("--private", help="Only those may see it who may see what the owner has.")
    ] = False,
    public: Annotated[
        bool, typer.Option("--public", help="Everybody may see it. One of the two must be said.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only list the files that would be published, with sizes.")
    ] = False,
    revision: Annotated[str | None, typer.Option(help="Branch to commit to, which must exist [default: main].")] = None,
    pr: Annotated[bool, typer.Option("--pr", help="Propose the files as a pull request instead.")] = False,
    onnx: Annotated[
        bool, typer.Option("--onnx", help="Export to ONNX too: OnnxPolyhead then loads the repository by its name.")
    ] = False,
) -> None:
    """Publish a saved model on the Hub, in one commit.

    It is verified first, and a pickle never leaves. Safetensors, JSON, text, Markdown, Python, PNG, ONNX and YAML files
    do; hidden files and running checkpoints do not. Whatever fails on the way, the Hub has the whole commit or none,
    and the same command may be run again.
    """
    if private == public:
        came = "both --private and --public" if private else "neither --private nor --public"
        raise ValueError(f"{came} came; say who may see the repository, with one of the two.")
    from .modeling.scope_polyhead import SCOPE
    from .publishing.push import check_publication, push_folder
    from .quiet import quiet_transformers

    quiet_transformers()
    if (folder / SCOPE).is_file():
        tell_training_rows(SCOPE)
    if dry_run:
        files = check_publication(folder, repo, onnx)
        width = max(map(len, files))
        for name, size in files.items():
            print(f"{name:<{width}}  {size:>13,} bytes")
        whose = "private" if private else "public"
        print(f"{len(files)} files, {sum(files.values()):,} bytes, for {whose} {repo}; nothing was sent")
        return
    done = push_folder(folder, repo, private, revision, pr, onnx)
    if done.pr_url:
        print(f"pull request: {done.pr_url}")
    elif pr:
        print("no pull request: the repository has these files already")
    print(f"commit: {done.oid}")
    print(f"model: {done.repo_url}")
