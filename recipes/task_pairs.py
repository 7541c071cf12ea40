"""Do two tasks help each other, and does the cosine between their gradients foretell it?

    POLYHEAD_DATA=folder python recipes/task_pairs.py   # trains what has no line yet
    python recipes/task_pairs.py --report

Four tasks of 600 rows each, alone and in each pair, three epochs, three seeds, which also draw the rows. A line of
`docs/study/task_pairs.jsonl` is one training run: the main metric of each of its tasks on validation after the last step and,
of a pair, the mean cosine between the two gradients over the run, on everything that they share (16 rows of each task, every
20 steps). Alone or in a pair, a task sees its own rows equally often; a pair takes twice the steps, of half as many each.
"""

import argparse
import tempfile
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from statistics import mean
from typing import Any

from scipy.stats import spearmanr

from polyhead.training.optimization.interference_report import REPORT_FILE, mean_cosines
from polyhead.training.recipe.recipe import load_recipe
from polyhead.training.study.results_file import append_result, read_results
from polyhead.training.study.statistics import mean_with_interval
from polyhead.training.training import prepare_trainer

HERE = Path(__file__).resolve().parent
RECIPE = HERE / "studies" / "sets" / "four_tasks.yaml"
RESULTS = HERE.parent / "docs" / "study" / "task_pairs.jsonl"
SEEDS, ROWS, EVERY_STEPS = (42, 43, 44), 600, 20
TASKS = ("emotion", "offensive", "sentiment", "intent")
PAIRS = tuple(combinations(TASKS, 2))
Line = dict[str, Any]


def main() -> None:
    """Train what has no line yet, or show the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--report", action="store_true", help="Print the table of the results.")
    if not parser.parse_args().report:
        done = _by_run(read_results(RESULTS))
        for seed in SEEDS:
            for tasks in (*((task,) for task in TASKS), *PAIRS):
                if (tasks, seed) not in done:
                    append_result(RESULTS, {"tasks": list(tasks), "seed": seed, **measure(tasks, seed)})
    print(report(read_results(RESULTS)))


def measure(tasks: tuple[str, ...], seed: int) -> Line:
    """Train some of the tasks together; return their scores and, of a pair, the cosine between their gradients."""
    sampled = [f"data.{n}.{key}" for n in range(len(TASKS)) for key in (f"sample_rows={ROWS}", f"sample_seed={seed}")]
    quiet = ["train.eval_strategy=no", "train.save_strategy=no", f"train.interference_every_steps={EVERY_STEPS}"]
    recipe = load_recipe(RECIPE, [f"train.seed={seed}", *sampled, *quiet])
    recipe = replace(
        recipe,
        tasks=[task for task in recipe.tasks if task.name in tasks],
        data=[source for source in recipe.data if not source.labels.keys().isdisjoint(tasks)],
    )
    with tempfile.TemporaryDirectory() as folder:
        trainer = prepare_trainer(recipe, Path(folder))
        trainer.train()
        measured = trainer.evaluate()
        pairs = mean_cosines(Path(trainer.args.output_dir) / REPORT_FILE)[1]
    scores = {task.name: measured[f"eval_{task.name}_{task.metric or 'accuracy'}"] for task in recipe.tasks}
    return {"scores": scores, "cosine": next(iter(pairs.values()))[-1] if pairs else None}


def report(lines: list[Line]) -> str:
    """Return a Markdown table: what a pair gains on its tasks alone, in points with the interval over seeds, and the cosine.

    Under it stand what a task gains on the mean of its partners, and the rank correlation of mean gain and cosine.
    """
    runs = _by_run(lines)
    rows = ["| pair | seeds | first | second | mean | cosine |", "| --- | --- | --- | --- | --- | --- |"]
    means: list[tuple[float, float]] = []
    by_seed: dict[int, list[tuple[float, float]]] = {seed: [] for seed in SEEDS}
    for pair in PAIRS:
        seeds = [seed for seed in SEEDS if all((tasks, seed) in runs for tasks in (pair, pair[:1], pair[1:]))]
        if not seeds:
            continue
        gains = [[_gain(runs, pair, task, seed) for seed in seeds] for task in pair]
        both = [mean(of_seed) for of_seed in zip(*gains, strict=True)]
        cosines = [float(runs[pair, seed]["cosine"]) for seed in seeds]
        cosine = mean(cosines)
        means.append((cosine, mean(both)))
        for seed, point in zip(seeds, zip(cosines, both, strict=True), strict=True):
            by_seed[seed].append(point)
        told = " | ".join(with_interval(values) for values in (*gains, both))
        rows.append(f"| {' + '.join(pair)} | {len(seeds)} | {told} | {cosine:+.3f} |")
    whole = {seed: points for seed, points in by_seed.items() if len(points) == len(PAIRS)}
    if whole:
        rows += ["", _over_partners(runs, list(whole)), "", _correlation(means, list(whole.values()))]
    return "\n".join(rows)


def _by_run(lines: list[Line]) -> dict[tuple[tuple[str, ...], int], Line]:
    return {(tuple(line["tasks"]), line["seed"]): line for line in lines}


def _gain(runs: dict[tuple[tuple[str, ...], int], Line], pair: tuple[str, ...], task: str, seed: int) -> float:
    return 100 * float(runs[pair, seed]["scores"][task] - runs[(task,), seed]["scores"][task])


def with_interval(values: list[float], digits: int = 1) -> str:
    """Write the mean of values with its 95% t interval, as in `+1.6 (-1.6 to +4.9)`.

    Args:
        values: At least one; of one there is no interval.
        digits: After the point.
    """
    found = mean_with_interval(values)
    interval = "" if found.low is None else f" ({found.low:+.{digits}f} to {found.high:+.{digits}f})"
    return f"{found.value:+.{digits}f}{interval}"


def _over_partners(runs: dict[tuple[tuple[str, ...], int], Line], seeds: list[int]) -> str:
    rows = ["| task, on the mean of its partners | gain |", "| --- | --- |"]
    for task in TASKS:
        pairs = [pair for pair in PAIRS if task in pair]
        gains = [mean(_gain(runs, pair, task, seed) for pair in pairs) for seed in seeds]
        rows.append(f"| {task} | {with_interval(gains)} |")
    return "\n".join(rows)


def _correlation(means: list[tuple[float, float]], by_seed: list[list[tuple[float, float]]]) -> str:
    found = spearmanr(*zip(*means, strict=True))
    seeds = ", ".join(f"{spearmanr(*zip(*points, strict=True)).statistic:+.1f}" for points in by_seed)
    told = f"{found.statistic:+.2f} (p {found.pvalue:.2f}); at each seed {seeds}"
    return f"Rank correlation of cosine and mean gain over {len(means)} pairs: {told}."


if __name__ == "__main__":
    main()
