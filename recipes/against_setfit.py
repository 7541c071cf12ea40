"""Two hundred labelled tweets: this project's training against SetFit's (contrastive pairs, then a head), on the same rows.

    pip install setfit==1.2.0
    POLYHEAD_DATA=folder python recipes/against_setfit.py   # trains what has no line yet
    python recipes/against_setfit.py --report

SetFit (https://arxiv.org/abs/2209.11055) is run by its own package with its own defaults: with 20 pairs drawn for each text, as
its paper does, which are 500 steps, and stopped after 80 and after 140, about the time of this project's slowest contender. All
begin with all-MiniLM-L6-v2. A line of `docs/study/setfit_200.jsonl` is one contender at one seed, which also draws the rows.
This project's contenders keep their best epoch on validation, as training does by default, or the last one, because SetFit's
package takes no validation set by default. Seconds are the processor's, of training with its evaluations. Settings were chosen
on validation; test is what is compared.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import mean
from typing import Any

from sklearn.metrics import f1_score

from polyhead.modeling.backbone_polyhead import OFFLINE_NAME, hub_is_reachable, resolve_backbone
from polyhead.training.data.rows import read_rows
from polyhead.training.recipe.recipe import Recipe, load_recipe
from polyhead.training.study.results_file import append_result, read_results
from polyhead.training.training import prepare_trainer

HERE = Path(__file__).resolve().parent
RESULTS = HERE.parent / "docs" / "study" / "setfit_200.jsonl"
SEEDS, ROWS, SPLITS = (42, 43, 44), 200, ("validation", "test")
LONGER = "train.num_train_epochs=18"
LAST = ("train.eval_strategy=no", "train.save_strategy=no")  # no choice by validation, as SetFit makes none
OURS = {
    "everything learns, 6 epochs": ("train.num_train_epochs=6",),
    "everything learns, 18 epochs": (LONGER,),
    "everything learns, 6 epochs, the last kept": ("train.num_train_epochs=6", *LAST),
    "everything learns, 18 epochs, the last kept": (LONGER, *LAST),
    "all but the embeddings, 18 epochs": (LONGER, "train.freeze=[{part: embeddings}]"),
    "the head alone, 30 epochs at 1e-2": (
        "train.num_train_epochs=30",
        "train.freeze=[{part: backbone}]",
        "train.frozen_cache_gb=1",
        "train.learning_rates={heads: 1e-2}",
    ),
}
SETFIT = {  # and its steps, -1: all
    "SetFit, 20 pairs a text": -1,
    "SetFit, stopped after 140 steps": 140,
    "SetFit, stopped after 80 steps": 80,
}
Predict = Callable[[list[str]], list[int]]


def main() -> None:
    """Train what has no line yet, or show the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--report", action="store_true", help="Print the table of the results.")
    if not parser.parse_args().report:
        done = {(line["contender"], line["seed"]) for line in read_results(RESULTS)}
        for seed in SEEDS:
            for name in (*OURS, *SETFIT):
                if (name, seed) not in done:
                    append_result(RESULTS, {"contender": name, "seed": seed, **measure(name, seed)})
    print(report(read_results(RESULTS)))


def measure(name: str, seed: int) -> dict[str, Any]:
    """Train one contender; return its seconds and macro F1 on each split."""
    overrides = [*OURS.get(name, ()), f"train.seed={seed}", f"data.0.sample_rows={ROWS}", f"data.0.sample_seed={seed}"]
    recipe = load_recipe(HERE / "studies" / "sets" / "emotion.yaml", overrides)
    with tempfile.TemporaryDirectory() as folder:
        trainer = prepare_trainer(recipe, Path(folder))
        if name in OURS:
            seconds, predict = _train_ours(trainer)
        else:
            seconds, predict = _train_setfit(*_texts(recipe, "train", trainer), SETFIT[name], seed, folder)
        scores = {}
        for split in SPLITS:
            texts, labels = _texts(recipe, split, trainer)
            scores[split] = {"f1_macro": float(f1_score(labels, predict(texts), average="macro"))}
    return {"seconds": round(seconds, 1), **scores}


def report(lines: list[dict[str, Any]]) -> str:
    """Return a Markdown table: means over the seeds at which every contender has a line, in points."""
    by_run = {(line["contender"], line["seed"]): line for line in lines}
    contenders = [*OURS, *SETFIT]
    seeds = [seed for seed in SEEDS if all((name, seed) in by_run for name in contenders)]
    rows = ["| training | seeds | validation | test | seconds |", "| --- | --- | --- | --- | --- |"]
    for name in contenders if seeds else []:
        found = [by_run[name, seed] for seed in seeds]
        scores = [f"{mean(100 * line[split]['f1_macro'] for line in found):.1f}" for split in SPLITS]
        rows.append(f"| {name} | {len(found)} | {' | '.join(scores)} | {mean(line['seconds'] for line in found):.0f} |")
    return "\n".join(rows)


def _texts(recipe: Recipe, split: str, trainer: Any) -> tuple[list[str], list[int]]:
    rows = read_rows(recipe.data[0], split, trainer.model.config.tasks)
    return [str(row["text"]) for row in rows], [int(row["labels"]["emotion"]) for row in rows]


def _train_ours(trainer: Any) -> tuple[float, Predict]:
    begun = time.process_time()
    trainer.train()
    seconds = time.process_time() - begun
    labels = trainer.model.config.tasks[0].labels
    return seconds, lambda texts: [labels.index(answer["label"]) for answer in trainer.model.predict(texts)["emotion"]]


def _train_setfit(texts: list[str], labels: list[int], max_steps: int, seed: int, folder: str) -> tuple[float, Predict]:
    from datasets import Dataset
    from setfit import SetFitModel, Trainer, TrainingArguments

    source = resolve_backbone(OFFLINE_NAME, local_files_only=not hub_is_reachable())
    model = SetFitModel.from_pretrained(source, device="cpu")
    arguments = TrainingArguments(
        output_dir=folder, num_iterations=20, max_steps=max_steps, seed=seed, save_strategy="no"
    )
    trainer = Trainer(model=model, args=arguments, train_dataset=Dataset.from_dict({"text": texts, "label": labels}))
    begun = time.process_time()
    trainer.train()
    seconds = time.process_time() - begun
    return seconds, lambda texts: [int(label) for label in model.predict(texts)]


if __name__ == "__main__":
    main()
