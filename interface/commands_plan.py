"""`polyhead plan`: what a recipe will do, before it runs."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .commands_train import Overrides, RecipeFile

if TYPE_CHECKING:
    from .training.planning import RunPlan


def plan(
    recipe: RecipeFile,
    overrides: Overrides = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of a table.")] = False,
    picture: Annotated[Path | None, typer.Option(help="PNG to draw the rates over time into.")] = None,
    timed_steps: Annotated[int, typer.Option(min=0, help="Batches to time for the expected duration.")] = 4,
) -> None:
    """Show what a recipe would do: rates, steps, memory, time.

    Advice stands under it where a setting was measured to cost score or time.
    """
    from .json_lines import print_json
    from .quiet import quiet_transformers
    from .training.advice.advice import advise
    from .training.planning import draw_rates, plan_run
    from .training.recipe.recipe import load_recipe
    from .training.training import prepare_trainer

    quiet_transformers()
    if picture is not None and picture.exists():
        raise ValueError(f"picture '{picture}' exists; name another file.")
    with tempfile.TemporaryDirectory() as folder:
        trainer = prepare_trainer(load_recipe(recipe, overrides or []), Path(folder))
        planned = plan_run(trainer, timed_steps)
        advice = advise(trainer, planned)
    if picture is not None:
        draw_rates(planned, picture)
    if as_json:
        print_json({**planned.to_dict(), "advice": advice})
    else:
        _print_plan(planned, keeps_states=trainer.args.frozen_cache_gb is not None)
        for sentence in advice:
            print(f"advice: {sentence}")
        if picture is not None:
            print(f"picture: {picture}")


def _print_plan(planned: "RunPlan", keeps_states: bool) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from .durations import rough_duration

    title = "optimizer groups (biases and norms, without decay, counted in)"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for heading in ("group", "depth", "start", "peak", "end", "decay", "parameters", "trains in steps"):
        is_text = heading in ("group", "trains in steps")
        table.add_column(heading, justify="left" if is_text else "right", no_wrap=heading != "trains in steps")
    sizes: dict[str, int] = {}
    for group in planned.groups:
        name = group.name.removesuffix("_no_decay")
        sizes[name] = sizes.get(name, 0) + group.num_parameters
    for group in planned.groups:
        if group.name not in sizes:
            continue
        spans = ", ".join(f"{start}-{end}" for start, end in group.trainable) or "never"
        depth = "-".join(map(str, dict.fromkeys((group.depths[0], group.depths[-1])))) if group.depths else ""
        rates = [f"{rate:.1e}" if rate else "0" for rate in (group.start, group.peak, group.end)]
        table.add_row(group.name, depth, *rates, f"{group.weight_decay:g}", f"{sizes[group.name]:,}", spans)
    Console().print(table)
    if planned.depends_on_scores:
        print("rates: they also fall by what the evaluations show, which no plan can know; above, they never do")
    rows = ", ".join(
        f"{name} {f'first {count:,} (a stream)' if name in planned.streams else f'{count:,}'}"
        for name, count in planned.num_rows.items()
    )
    print(f"rows: {rows}; {planned.num_truncated} too long and cut")
    epochs = "max_steps; a stream has no epochs"
    if planned.num_epochs is not None:
        epochs = f"{planned.steps_per_epoch:,} an epoch, {planned.num_epochs:g} epochs"
    print(f"steps: {planned.num_steps:,} ({epochs})")
    print(f"tokens: {'about ' if planned.streams else ''}{planned.num_tokens:,}")
    print(f"memory: {planned.memory_bytes / 2**20:,.0f} MiB for weights, gradients and optimizer; activations on top")
    if planned.seconds is not None:
        spared = "; less by what frozen_cache_gb spares" if keeps_states else ""
        print(f"time: {rough_duration(planned.seconds)} of training steps on this machine{spared}")
