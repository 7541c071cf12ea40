"""Where should a head of many rare labels begin, and how fast must it learn? GoEmotions alone, 28 labels, 20,000 rows.

    POLYHEAD_DATA=folder python recipes/many_labels.py --work folder-for-models   # trains what has no line yet

The model is the one of `six_against_single.py`, whose lines these are too. A new head of labels that are each true or not now
begins at their log-odds; the lines with biases from 0 are of the code before, which this script cannot train.
"""

import argparse
from pathlib import Path
from typing import Any

import yaml
from six_against_single import HERE, RESULTS, SEEDS, run_cell, single_recipe

TASK, SPLITS = "emotions28", ("validation", "test")
RATES = {TASK: "2e-3", f"{TASK}, its head at 1e-2": "1e-2"}
VARIANTS = {  # as the lines name them: where the biases begin, rate of the head
    f"{TASK}, biases from 0": ("0", "2e-3"),
    f"{TASK}, biases from 0, its head at 1e-2": ("0", "1e-2"),
    **{name: ("the labels' log-odds", rate) for name, rate in RATES.items()},
}


def main() -> None:
    """Run every cell that has no line yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="Folder for the models.")
    work = parser.parse_args().work
    recipe = single_recipe(yaml.safe_load((HERE / "six_tasks.yaml").read_text(encoding="utf-8")), TASK)
    for seed in SEEDS:
        for name, rate in RATES.items():
            rates = recipe["train"]["learning_rates"] | {"heads": float(rate)}
            cell = recipe | {"train": recipe["train"] | {"learning_rates": rates}}
            run_cell(cell, {"model": name, "seed": seed}, work / f"{name}-{seed}", RESULTS)


def report(lines: list[dict[str, Any]]) -> str:
    """Return a Markdown table of macro F1 in points, a figure a seed.

    Args:
        lines: The lines of the results file.
    """
    rows = [
        "| biases begin at | rate of the head | seeds | validation | test |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, (start, rate) in VARIANTS.items():
        cells = sorted((line for line in lines if line["model"] == name), key=lambda line: line["seed"])
        scores = (", ".join(f"{100 * cell[split][TASK]['f1_macro']:.1f}" for cell in cells) for split in SPLITS)
        rows.append(f"| {start} | {rate} | {', '.join(str(cell['seed']) for cell in cells)} | {' | '.join(scores)} |")
    return "\n".join(rows)


if __name__ == "__main__":
    main()
