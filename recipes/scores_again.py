"""Do the recipes' scores come again? Each recipe trained with other seeds.

    POLYHEAD_DATA=folder python recipes/scores_again.py --work folder-for-models [--recipes sst emobank] [--seeds 43]
    python recipes/scores_again.py --report

Each cell (one recipe, one seed) is a training run and an evaluation on validation and test in processes of their own. Its line
in `docs/study/scores_again.jsonl` is written when it ends; a cell that has its line is not run again. Nothing of a recipe was
chosen by these runs, so test may be read in each.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import yaml
from six_against_single import HERE, run_cell

RESULTS = HERE.parent / "docs" / "study" / "scores_again.jsonl"
SEEDS = (42, 43)
METRICS = {  # by recipe: what of it is told
    "sst": (("sentiment5", "accuracy"), ("sentiment2", "accuracy")),
    "emobank": (("affect", "pearson"),),
    "btc": (("entities", "f1"),),
    "contrastive": (("similarity", "spearman"), ("emotion", "f1_macro")),
    "snips": (("intent", "accuracy"), ("slots", "f1"), ("slots", "joint_accuracy")),
    "banking77_all_rows": (("intent", "accuracy"),),
    "six_tasks_more_emotion": (
        ("emotion", "f1_macro"),
        ("sentiment5", "accuracy"),
        ("sentiment2", "accuracy"),
        ("similarity", "spearman"),
        ("emotions28", "f1_macro"),
    ),
    "tweets": (("emotion", "f1_macro"), ("offensive", "f1_macro"), ("emotions28", "f1_macro")),
}
SPLITS = ("validation", "test")


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
        print(report([json.loads(line) for line in RESULTS.read_text(encoding="utf-8").splitlines()]))
        return
    for seed in options.seeds:
        for name in options.recipes:
            recipe = yaml.safe_load((HERE / f"{name}.yaml").read_text(encoding="utf-8"))
            run_cell(recipe, {"recipe": name, "seed": seed}, options.work / f"{name}-{seed}", RESULTS)


def report(lines: list[dict[str, Any]]) -> str:
    """Return a Markdown table of every seed's score, in points.

    Args:
        lines: The lines of the results file.
    """
    by_cell = {(line["recipe"], line["seed"]): line for line in lines}
    seeds = sorted({seed for _, seed in by_cell})
    rows = [
        f"| recipe | task | metric | split | {' | '.join(f'seed {seed}' for seed in seeds)} |",
        "| --- " * (4 + len(seeds)) + "|",
    ]
    for name, measures in METRICS.items():
        for task, metric in measures:
            for split in SPLITS:
                scores = [by_cell.get((name, seed), {}).get(split, {}).get(task) for seed in seeds]
                if any(scores):
                    told = ["" if score is None else f"{100 * score[metric]:.1f}" for score in scores]
                    rows.append(f"| {name} | {task} | {metric} | {split} | {' | '.join(told)} |")
    return "\n".join(rows)


if __name__ == "__main__":
    main()
