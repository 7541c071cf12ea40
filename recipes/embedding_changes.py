"""What do classifiers do to the sentence embedding, and what keeps it: frozen layers, a similarity task, `retain`?

    POLYHEAD_DATA=folder python recipes/embedding_changes.py   # trains what has no line yet
    python recipes/embedding_changes.py --report

Emotions and offence of 1,000 tweets each, five grades of 1,000 film reviews and similarity of 1,000 pairs of STS-B, alone or
together, four epochs, three seeds, which also draw the rows. A line of
`docs/study/embedding_changes.jsonl` is one trained model: macro F1 of the emotions, Spearman of the embeddings' cosines with
the scores of STS-B's pairs, and, on a subject that nobody trained, how many of Banking77's validation texts have the nearest of
3,000 training texts in their own intent. All on validation, after the last step.
"""

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path
from statistics import mean
from typing import Any

import torch
from scipy.stats import spearmanr
from task_pairs import with_interval

from polyhead.modeling.modeling_polyhead import PolyheadModel
from polyhead.training.data.tables import read_table
from polyhead.training.recipe.recipe import load_recipe
from polyhead.training.recipe.recipe_sections import DataSource
from polyhead.training.study.results_file import append_result, read_results
from polyhead.training.training import prepare_trainer

HERE = Path(__file__).resolve().parent
RESULTS = HERE.parent / "docs" / "study" / "embedding_changes.jsonl"
SEEDS, ROWS, CANDIDATES = (42, 43, 44), 1000, 3000
SETTINGS = (
    "train.num_train_epochs=4",
    "train.per_device_train_batch_size=32",
    "train.learning_rates={backbone: 2e-4, heads: 2e-3}",
    "train.eval_strategy=no",
    "train.save_strategy=no",
)
BEFORE = "before any training"
MORE = ("offensive", "sentiment")  # of the second recipe
VARIANTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {  # what is trained, and what else is set
    BEFORE: ((), ()),
    f"{BEFORE}, `mix_last_layers: 3`": ((), ("model.mix_last_layers=3",)),
    "emotion": (("emotion",), ()),
    "emotion, lower half frozen": (("emotion",), ("train.freeze=[{part: bottom.3}]",)),
    "emotion and similarity": (("emotion", "similarity"), ()),
    "emotion, `retain: {embedding: 10}`": (("emotion",), ("train.retain={embedding: 10}",)),
    "similarity": (("similarity",), ()),
    "emotion, offence, sentiment": (("emotion", *MORE), ()),
    "emotion, offence, sentiment and similarity": (("emotion", *MORE, "similarity"), ()),
}
MEASURES = {"similarity": "STS-B", "retrieval": "Banking77, nearest text"}
Line = dict[str, Any]


def main() -> None:
    """Train what has no line yet, or show the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--report", action="store_true", help="Print the table of the results.")
    if not parser.parse_args().report:
        done = {(line["trained"], line["seed"]) for line in read_results(RESULTS)}
        for seed in SEEDS:
            for name, (tasks, _) in VARIANTS.items():
                if (name, seed) not in done and (tasks or seed == SEEDS[0]):  # no seed changes what is not trained
                    append_result(RESULTS, {"trained": name, "seed": seed, **measure(name, seed)})
    print(report(read_results(RESULTS)))


def measure(name: str, seed: int) -> Line:
    """Train one variant; return what it and its embeddings are worth."""
    tasks, own = VARIANTS[name]
    recipe = load_recipe(HERE / "contrastive.yaml", [*SETTINGS, *own, f"train.seed={seed}"])
    more = load_recipe(HERE / "studies" / "sets" / "four_tasks.yaml")
    sources = [*recipe.data, *(source for source in more.data if source.labels.keys() <= set(MORE))]
    chosen = tasks or ("similarity",)
    trained = replace(
        recipe,
        tasks=[
            task for task in (*recipe.tasks, *(task for task in more.tasks if task.name in MORE)) if task.name in chosen
        ],
        data=[
            source.model_copy(update={"sample_rows": ROWS, "sample_seed": seed})
            for source in sources
            if not source.labels.keys().isdisjoint(chosen)
        ],
    )
    banking = load_recipe(HERE / "banking77.yaml").data[0]
    with tempfile.TemporaryDirectory() as folder:
        trainer = prepare_trainer(trained, Path(folder))
        if tasks:
            trainer.train()
        measured = trainer.evaluate() if tasks else {}
        similarity = next(source for source in recipe.data if "similarity" in source.labels)
        classifiers = [task for task in trained.tasks if task.name != "similarity"]
        scores = {task.name: measured[f"eval_{task.name}_{task.metric or 'accuracy'}"] for task in classifiers}
        return scores | {
            "similarity": _similarity(trainer.model, similarity),
            "retrieval": _retrieval(trainer.model, banking),
        }


def report(lines: list[Line]) -> str:
    """Return a Markdown table, in points: means over the seeds, and what training changed, with its 95% t interval."""
    columns = [
        "trained on",
        "seeds",
        "emotion",
        *(f"{name} | {name.split(',')[0]} change" for name in MEASURES.values()),
    ]
    rows = [f"| {' | '.join(columns)} |", "| --- " * (len(columns) + len(MEASURES)) + "|"]
    before = next((line for line in lines if line["trained"] == BEFORE), None)
    for name in VARIANTS:
        found = [line for line in lines if line["trained"] == name]
        if found and before:
            told = [_mean(found, "emotion")]
            for key in MEASURES:
                changes = [100 * (line[key] - before[key]) for line in found]
                told += [_mean(found, key), "" if name == BEFORE else with_interval(changes)]
            rows.append(f"| {name} | {len(found)} | {' | '.join(told)} |")
    return "\n".join(rows)


def _mean(lines: list[Line], key: str) -> str:
    return f"{mean(100 * line[key] for line in lines):.1f}" if key in lines[0] else ""


def _similarity(model: PolyheadModel, source: DataSource) -> float:
    records = read_table(source, "validation").records
    first, second = (model.encode([record[column] for record in records]) for column in source.text)
    cosines = torch.nn.functional.cosine_similarity(torch.as_tensor(first), torch.as_tensor(second))
    return float(spearmanr(cosines, [record["score"] for record in records]).statistic)


def _retrieval(model: PolyheadModel, source: DataSource) -> float:
    """Return the share of validation texts whose nearest candidate, by cosine, has their own label."""
    asked, candidates = read_table(source, "validation").records, read_table(source, "train").records
    candidates = candidates[:: len(candidates) // CANDIDATES]
    vectors = [
        torch.nn.functional.normalize(torch.as_tensor(model.encode([record["text"] for record in records])))
        for records in (asked, candidates)
    ]
    nearest = (vectors[0] @ vectors[1].T).argmax(1).tolist()
    return mean(record["label"] == candidates[n]["label"] for record, n in zip(asked, nearest, strict=True))


if __name__ == "__main__":
    main()
