"""Does one model for six tasks cost score? `recipes/six_tasks.yaml` against one model a task, over three seeds.

    POLYHEAD_DATA=folder python recipes/six_against_single.py --work folder-for-models
    python recipes/six_against_single.py --report

Each cell (one model, one seed) is a training run and an evaluation on test in processes of their own. Its line in
`docs/study/six_against_single.jsonl` is written when it ends; a cell that has its line is not run again, so the script may be
stopped and started, and started twice to keep two cores busy. All cells of one seed come before the next seed.

A model of one task keeps the recipe's settings but has its own number of epochs, because a small data set alone gives few
steps: never fewer than the six-task model draws of that task, but for similarity, of which that draws seven and a half. Of
all epochs the best one on validation is kept.
"""

import argparse
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from statistics import mean
from typing import Any

import yaml
from task_pairs import with_interval

from polyhead.training.study.results_file import append_result, read_results

HERE = Path(__file__).resolve().parent
RESULTS = HERE.parent / "docs" / "study" / "six_against_single.jsonl"
SEEDS = (42, 43, 44)
METRICS = {  # of the table; the first split that a task has is told
    "emotion": "f1_macro",
    "sentiment5": "accuracy",
    "sentiment2": "accuracy",
    "similarity": "spearman",
    "emotions28": "f1_macro",
    "affect": "pearson",
}
SPLITS = ("test", "validation")
EPOCHS = {"emotion": 6, "sentiment5": 3, "sentiment2": 3, "similarity": 5, "emotions28": 3, "affect": 3}


def main() -> None:
    """Run every cell that has no line yet, or show the table of those that have one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--work", type=Path, help="Folder for the models.")
    what.add_argument("--report", action="store_true", help="Print the table of the results.")
    parser.add_argument("--results", type=Path, default=RESULTS, help="File of JSON lines.")
    options = parser.parse_args()
    if options.report:
        print(report(read_results(options.results)))
        return
    six = yaml.safe_load((HERE / "six_tasks.yaml").read_text(encoding="utf-8"))
    options.results.parent.mkdir(parents=True, exist_ok=True)
    for seed in SEEDS:
        recipes = {"six": six} | {name: single_recipe(six, name) for name in METRICS}
        for name, recipe in recipes.items():
            run_cell(recipe, {"model": name, "seed": seed}, options.work / f"{name}-{seed}", options.results)


def report(cells: list[dict[str, Any]]) -> str:
    """Return a Markdown table, in points: means over the seeds with both models of a task, differences with 95% t intervals.

    Args:
        cells: The lines of the results file.
    """
    lines = ["| task | metric | seeds | six tasks | alone | difference |", "| --- | --- | --- | --- | --- | --- |"]
    by_name = {(cell["model"], cell["seed"]): cell for cell in cells}
    by_seed: dict[int, list[float]] = {seed: [] for seed in SEEDS}
    for task, metric in METRICS.items():
        pairs = {seed: (by_name.get(("six", seed)), by_name.get((task, seed))) for seed in SEEDS}
        both = {seed: (six, alone) for seed, (six, alone) in pairs.items() if six is not None and alone is not None}
        if not both:
            continue
        split = next(split for split in SPLITS if task in next(iter(both.values()))[0].get(split, {}))
        scores = {seed: [100 * cell[split][task][metric] for cell in trained] for seed, trained in both.items()}
        for seed, (six, alone) in scores.items():
            by_seed[seed].append(six - alone)
        six, alone = (mean(pair[side] for pair in scores.values()) for side in (0, 1))
        difference = with_interval([six - alone for six, alone in scores.values()])
        lines.append(f"| {task} ({split}) | {metric} | {len(both)} | {six:.1f} | {alone:.1f} | {difference} |")
    means = [mean(differences) for differences in by_seed.values() if differences]
    return "\n".join([*lines, f"| mean | | | | | {with_interval(means, digits=2)} |"])


def single_recipe(six: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the recipe of one task alone.

    Args:
        six: Content of the recipe for all tasks.
        name: The task.
    """
    task = next(task for task in six["tasks"] if task["name"] == name)
    data_set = next(data_set for data_set in six["data"] if name in data_set["labels"])
    only = data_set | {"labels": {name: data_set["labels"][name]}}
    if "label_names" in only:
        only["label_names"] = {name: data_set["label_names"][name]}
    train = {key: value for key, value in six["train"].items() if key != "sampling_weights"}
    return six | {"tasks": [task], "data": [only], "train": train | {"num_train_epochs": EPOCHS[name]}}


def run_cell(
    recipe: dict[str, Any], cell: dict[str, Any], folder: Path, results: Path, calibrated: str | None = None
) -> None:
    """Train a recipe and write a line with its scores on every split.

    Args:
        recipe: As its file says it.
        cell: Begins the line; its `seed` is the run's.
        folder: For the model; where it is there already, another process has taken the cell, and nothing is done.
        results: File of JSON lines; nor is a cell run again that has its line there.
        calibrated: A task that is measured on test once more, its thresholds fitted on validation.
    """
    if any(cell.items() <= line.items() for line in read_results(results)):
        return
    try:
        folder.mkdir(parents=True)  # the claim: two of these processes never run the same cell
    except FileExistsError:
        return
    file = folder / "recipe.yaml"
    file.write_text(yaml.safe_dump(recipe, sort_keys=False), encoding="utf-8")
    start = time.monotonic()
    _polyhead("train", file, "--output", folder / "model", "--set", f"train.seed={cell['seed']}", "--no-check")
    cell["seconds"] = round(time.monotonic() - start)
    for split in ("validation", "test"):
        tasks = [name for data in recipe["data"] if split in data for name in data["labels"]]
        if tasks:
            cell[split] = _evaluate(folder / "model", file, split, ",".join(tasks))
    if calibrated:
        _polyhead("calibrate", folder / "model", file, "--tasks", calibrated)
        cell["test, calibrated"] = _evaluate(folder / "model", file, "test", calibrated)
    append_result(results, cell)
    shutil.rmtree(folder / "model")


def _evaluate(model: Path, recipe: Path, split: str, tasks: str) -> dict[str, Any]:
    found = _polyhead("evaluate", model, recipe, "--split", split, "--tasks", tasks, "--json")
    scores: dict[str, Any] = json.loads(found)["scores"]
    return scores


def _polyhead(*arguments: str | Path) -> str:
    command = [sys.executable, "-c", "from polyhead.cli import main; main()", *map(str, arguments)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    main()
