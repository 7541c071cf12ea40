"""`polyhead heads`: see which heads a model has, and change them without touching the others."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .mistakes import CarefulGroup
from .training_rows import tell_training_rows

if TYPE_CHECKING:
    from .modeling.modeling_polyhead import PolyheadModel

heads = typer.Typer(
    cls=CarefulGroup,
    no_args_is_help=True,
    help="See and change heads; the others stay bit-equal.",
)
Model = Annotated[str, typer.Argument(metavar="MODEL", help="Folder of a trained model, or its name on the Hub.")]
Task = Annotated[str, typer.Argument(metavar="TASK", help="Name of the task.")]
HeadFile = Annotated[Path, typer.Argument(metavar="FILE", help="What `polyhead heads extract` wrote.")]
Output = Annotated[Path, typer.Option(help="New or empty folder for the changed model.")]


@heads.command("list")
def list_heads(
    model: Model, as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of a table.")] = False
) -> None:
    """Show the tasks of a model, what each head reads, and its size."""
    from .json_lines import print_json
    from .loading import load_checkpoint
    from .publishing.head_list import describe_heads
    from .tables import print_heads

    rows = describe_heads(load_checkpoint(model))
    if as_json:
        print_json({"model": model, "heads": rows})
    else:
        print_heads(rows)


@heads.command()
def add(
    model: Model,
    file: HeadFile,
    output: Output,
    name: Annotated[str | None, typer.Option(help="Another name for the task.")] = None,
) -> None:
    """Put an extracted head on a model with the same backbone."""
    from .publishing.head_surgery import add_heads
    from .publishing.trained_head import load_head

    head = load_head(file)
    _operate(model, output, lambda patient: add_heads(patient, [head.renamed(name) if name else head]))


@heads.command()
def drop(model: Model, task: Task, output: Output) -> None:
    """Remove a task with its head."""
    from .publishing.head_surgery import drop_head

    _operate(model, output, lambda patient: drop_head(patient, task))


@heads.command()
def rename(
    model: Model,
    task: Task,
    new_name: Annotated[str, typer.Argument(metavar="NEW_NAME", help="Name of the task afterwards.")],
    output: Output,
) -> None:
    """Give a task another name."""
    from .publishing.head_surgery import rename_head

    _operate(model, output, lambda patient: rename_head(patient, task, new_name), renamed={task: new_name})


@heads.command()
def replace(model: Model, task: Task, file: HeadFile, output: Output) -> None:
    """Put an extracted head in the place of a task.

    The task keeps its name.
    """
    from .publishing.head_surgery import replace_head
    from .publishing.trained_head import load_head

    head = load_head(file)
    _operate(
        model, output, lambda patient: replace_head(patient, task, head), renamed={task: None}
    )  # it is another head afterwards


@heads.command()
def merge(
    model: Model,
    other: Annotated[str, typer.Argument(metavar="OTHER", help="A second model on the same backbone.")],
    output: Output,
    tasks: Annotated[str | None, typer.Option(help="Tasks to take from OTHER: a,b [default: all].")] = None,
) -> None:
    """Take heads from a model with an equal backbone.

    The backbones must be equal to the last bit; what differs is named.
    """
    from .loading import load_checkpoint
    from .publishing.head_proof import fixed_logits
    from .publishing.head_surgery import merge_heads

    donor = load_checkpoint(other)
    names = [task.name for task in donor.config.tasks] if tasks is None else [name.strip() for name in tasks.split(",")]
    logits = fixed_logits(donor)
    donated = {name: logits[name] for name in names if name in logits}
    _operate(model, output, lambda patient: merge_heads(patient, donor, names), donated=donated)


@heads.command()
def extract(
    model: Model,
    task: Task,
    output: Annotated[Path, typer.Option(help="New file, such as topic.safetensors.")],
) -> None:
    """Write one head alone into a small file.

    `polyhead heads add` and `replace` take it.
    """
    from .loading import load_checkpoint
    from .publishing.trained_head import save_head, take_heads

    [head] = take_heads(load_checkpoint(model), [task])
    save_head(head, output)
    if head.scope is not None:
        tell_training_rows(output.name)
    print(f"head: {output} ({output.stat().st_size / 1e3:.0f} kB)")


def _operate(
    name: str,
    output: Path,
    change: Callable[["PolyheadModel"], None],
    renamed: Mapping[str, str | None] | None = None,
    donated: Mapping[str, Any] | None = None,
) -> None:
    """Load, change, save, load again, and compare the logits that heads gave before (`donated`: in another model)."""
    from .loading import load_checkpoint
    from .modeling.card_polyhead import take_card
    from .publishing.head_proof import compare_logits, fixed_logits
    from .publishing.new_folder import new_folder

    with new_folder(output) as unproved:
        model = load_checkpoint(name)
        names = {task.name: task.name for task in model.config.tasks} | dict(renamed or {})
        before = {kept: logits for task, logits in fixed_logits(model).items() if (kept := names[task]) is not None}
        change(model)
        take_card(unproved, (name, {}))
        model.save_pretrained(unproved)
        proofs = compare_logits(before | dict(donated or {}), fixed_logits(load_checkpoint(str(unproved))))
        broken = [proof.name for proof in proofs if not proof.holds]
        if broken:
            raise RuntimeError(f"the answers of {broken} changed, so '{output}' was not written; please report this.")
    for proof in proofs:
        print(f"{proof.name}: {' x '.join(map(str, proof.shape))} logits, sha256 {proof.after[:12]} before and after")
    print(f"model: {output}")
