"""Do the recipes' scores come again? Each recipe trained with three seeds.

    POLYHEAD_DATA=folder python recipes/scores_again.py --work folder-for-models [--recipes sst emobank] [--seeds 43]
    python recipes/scores_again.py --report

Each cell (one recipe, one seed) is a training run and an evaluation on validation and test in processes of their own; where
labels are true or not, on test once more after `polyhead calibrate` has fitted their thresholds on validation. Its line in
`docs/study/scores_again.jsonl` is written when it ends; a cell that has its line is not run again. Nothing of a recipe was
chosen by these runs, so test may be read in each. Lines that say `rounded` are of first runs, from before the file was kept.
"""

import argparse
from pathlib import Path
from statistics import mean
from typing import Any

import yaml
from six_against_single import HERE, run_cell

from polyhead.training.study.results_file import read_results
from polyhead.training.study.statistics import mean_with_interval

RESULTS = HERE.parent / "docs" / "study" / "scores_again.jsonl"
SEEDS = (42, 43, 44)
METRICS = {  # by recipe: what of it is told
    "banking77": (("intent", "accuracy"),),
    "snips": (("intent", "accuracy"), ("slots", "f1"), ("slots", "joint_accuracy")),
    "tweets": (("emotion", "f1_macro"), ("offensive", "f1_macro"), ("emotions28", "f1_macro")),
    "sst": (("sentiment5", "accuracy"), ("sentiment2", "accuracy")),
    "emobank": (("affect", "pearson"),),
    "btc": (("entities", "f1"),),
    "contrastive": (
        *(("similarity", f"spearman{size}") for size in ("", "_256", "_128", "_64")),
        ("emotion", "f1_macro"),
    ),
    "quickstart": (("topic", "accuracy"), ("sentiment", "accuracy")),
    "banking77_all_rows": (("intent", "accuracy"),),
    "six_tasks_more_emotion": (
        ("emotion", "f1_macro"),
        ("sentiment5", "accuracy"),
        ("sentiment2", "accuracy"),
        ("similarity", "spearman"),
        ("emotions28", "f1_macro"),
    ),
}
CALIBRATED = {"tweets": "emotions28"}  # the task whose thresholds are fitted
SPLITS = ("validation", "test", "test, calibrated")


def main() -> None:
    """Run every cell that has no line yet, or show the table of those that have one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--work", type=Path, help="Folder for the models.")
    what.add_argument("--report", action="store_true", help="Print the table of the results.")
    parser.add_argument("--recipes", nargs="+", choices=METRICS, default=list(METRICS), help="Recipes to train.")
    parser.add_argument("--seeds", nargs="+", type=int, default=SEEDS, help="Seeds to train with.")
    options = parser.parse_args()
    if options.report:
        print(report(read_results(RESULTS)))
        return
    for seed in options.seeds:
        for name in options.recipes:
            cell = {"recipe": name, "seed": seed}
            run_cell(_recipe(name), cell, options.work / f"{name}-{seed}", RESULTS, calibrated=CALIBRATED.get(name))


def report(lines: list[dict[str, Any]]) -> str:
    """Return a Markdown table, in points: every seed's score, their mean, and from three seeds on its 95% t interval.

    Args:
        lines: The lines of the results file.
    """
    by_cell = {(line["recipe"], line["seed"]): line for line in lines}
    seeds = sorted({seed for _, seed in by_cell})
    columns = ["recipe", "task", "split", "metric", *(f"seed {seed}" for seed in seeds), "seeds", "mean", "interval"]
    rows = [f"| {' | '.join(columns)} |", "| --- " * len(columns) + "|"]
    for name, measures in METRICS.items():
        for task, metric in measures:
            for split in SPLITS:
                found = [by_cell.get((name, seed), {}).get(split, {}).get(task) for seed in seeds]
                scores = [None if score is None else 100 * score[metric] for score in found]
                known = [score for score in scores if score is not None]
                if known:
                    told = ["" if score is None else f"{score:.1f}" for score in scores]
                    told += [str(len(known)), f"{mean(known):.1f}"]
                    found_mean = mean_with_interval(known)
                    is_told = len(known) > 2 and found_mean.low is not None and found_mean.high is not None
                    interval = f"{found_mean.low:.1f} to {found_mean.high:.1f}" if is_told else ""
                    rows.append(f"| {name} | {task} | {split} | {metric} | {' | '.join(told)} | {interval} |")
    return "\n".join(rows)


def _recipe(name: str) -> dict[str, Any]:
    recipe: dict[str, Any] = yaml.safe_load((HERE / f"{name}.yaml").read_text(encoding="utf-8"))
    for data in recipe["data"]:
        for split in ("train", "validation", "test"):
            if split in data and not data[split].startswith("$"):
                data[split] = str(HERE / data[split])  # as the run reads the recipe from another folder
    return recipe


if __name__ == "__main__":
    main()
