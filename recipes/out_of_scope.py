"""Does a model notice texts of a kind that it was never trained on? Two data sets, each without some of its intents.

    POLYHEAD_DATA=folder python recipes/out_of_scope.py --work folder-for-models
    python recipes/out_of_scope.py --report

SNIPS loses 2 of 7 intents, Banking77 20 of 77, drawn by a fixed seed. A model is trained on the others, calibrated with
`--coverage 0.9` on validation rows of the others, and reads the test rows of all intents once. Its line in
`docs/study/out_of_scope.jsonl` compares ways to tell the two apart; a data set that has its line is not run again.
"""

import argparse
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from sklearn.covariance import ledoit_wolf
from sklearn.metrics import roc_auc_score

from polyhead import PolyheadModel
from polyhead.modeling.decoding_polyhead import label_probabilities
from polyhead.modeling.encoding_polyhead import normalized
from polyhead.training.study.results_file import Line, append_result, read_results

HERE = Path(__file__).resolve().parent
RESULTS = HERE.parent / "docs" / "study" / "out_of_scope.jsonl"
SEED, NUM_LEFT_OUT = 42, {"snips": 2, "banking77": 20}
# Short runs of the recipes: SNIPS without slots, Banking77 with nothing but its head.
FROZEN = {"num_train_epochs": 2, "learning_rates": {"heads": 1e-2}, "freeze": [{"part": "backbone"}]}
TRAIN: dict[str, dict[str, Any]] = {"snips": {"num_train_epochs": 1}, "banking77": FROZEN}


def main() -> None:
    """Train, calibrate and measure one model a data set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--work", type=Path, help="Folder for the models.")
    what.add_argument("--report", action="store_true", help="Print the tables of the results.")
    parser.add_argument("--results", type=Path, default=RESULTS, help="File of JSON lines.")
    options = parser.parse_args()
    if options.report:
        print(report(read_results(options.results)))
        return
    options.results.parent.mkdir(parents=True, exist_ok=True)
    done = {line["data"] for line in read_results(options.results)}
    for name in (name for name in NUM_LEFT_OUT if name not in done):
        folder = options.work / f"{name}-{SEED}"
        left_out, recipe = _leave_out(name, Path(os.environ["POLYHEAD_DATA"]) / name, folder)
        _polyhead("train", recipe, "--output", folder / "model", "--no-check")
        told = json.loads(_polyhead("calibrate", folder / "model", recipe, "--coverage", "0.9", "--json"))["tasks"][0]
        line = {"data": name, "seed": SEED, "left_out": left_out, "calibrated": told, **_measure(folder)}
        append_result(options.results, line)


def report(lines: list[Line]) -> str:
    """Return two Markdown tables: how well each score tells left-out texts from known ones, and what withholding makes of it.

    Of a score: its AUROC, the share of left-out texts that pass where 95 % of the known ones do, and the share of right answers
    where 70 % of all texts are answered.
    """
    rows = [f"| score | {' | '.join(line['data'] for line in lines)} |", "| --- " * (1 + len(lines)) + "|"]
    for way in lines[0]["ways"]:
        rows.append(f"| {way} | {' | '.join(_told(line['ways'][way]) for line in lines)} |")
    heads = ["", *(f"known: {what}" for what in ("answered", "right of all", "right of those answered"))]
    heads += ["left out: answered", "withheld as out of scope, for low confidence"]
    rows += ["", f"| {' | '.join(heads)} |", "| --- " * len(heads) + "|"]
    for line in lines:
        found = line["abstain"]
        shares = [
            found["known_answered"],
            line["accuracy"],
            found["known_right_of_answered"],
            found["left_out_answered"],
        ]
        reasons = ", ".join(map(str, found["left_out_reasons"].values()))
        told = [*(f"{100 * share:.1f}" for share in shares), f"{reasons} of {found['left_out']}"]
        rows.append(f"| {' | '.join([line['data'], *told])} |")
    return "\n".join(rows)


def _told(way: dict[str, Any]) -> str:
    right = way["accuracy_at_coverage"]["0.7"]
    return f"{way['auroc']:.3f}, {100 * way['fpr_at_95_recall']:.1f}, {100 * right:.1f}"


def _leave_out(name: str, data: Path, folder: Path) -> tuple[list[str], Path]:
    recipe = yaml.safe_load((HERE / f"{name}.yaml").read_text(encoding="utf-8"))
    [source] = recipe["data"]
    column = source["labels"]["intent"]
    rows = {split: _read(data / f"{split}.jsonl") for split in ("train", "validation", "test")}
    labels = sorted({row[column] for row in rows["train"]})
    left_out = sorted(random.Random(SEED).sample(labels, NUM_LEFT_OUT[name]))
    folder.mkdir(parents=True, exist_ok=True)
    for split, found in rows.items():
        for kind, wanted in (("known", False), ("left_out", True)):
            chosen = [
                {"text": row["text"], "label": row[column]} for row in found if (row[column] in left_out) == wanted
            ]
            lines = "".join(json.dumps(row) + "\n" for row in chosen)
            (folder / f"{split}_{kind}.jsonl").write_text(lines, encoding="utf-8")
    files = {split: str(folder / f"{split}_known.jsonl") for split in rows}
    recipe["data"] = [{"name": name, **files, "text": "text", "labels": {"intent": "label"}}]
    recipe["tasks"] = [task for task in recipe["tasks"] if task["name"] == "intent"]
    recipe["train"] |= TRAIN[name]
    file = folder / "recipe.yaml"
    file.write_text(yaml.safe_dump(recipe, sort_keys=False), encoding="utf-8")
    return left_out, file


def _measure(folder: Path) -> dict[str, Any]:
    model = PolyheadModel.from_pretrained(folder / "model")
    task, scope = model.config.task("intent"), model.scopes["intent"]
    mahalanobis = _mahalanobis(model, _read(folder / "train_known.jsonl"))
    rows = {kind: _read(folder / f"test_{kind}.jsonl") for kind in ("known", "left_out")}
    strange: dict[str, dict[str, np.ndarray]] = {}
    for kind, found in rows.items():
        embeddings, logits = _answers(model, found)
        confidence = label_probabilities(task, logits).max(axis=1)
        strange[kind] = {
            "max-softmax": -confidence,
            "energy": -np.logaddexp.reduce(logits, axis=1),
            "Mahalanobis": mahalanobis(embeddings),
            "Mahalanobis / max-softmax": mahalanobis(embeddings) / confidence,
            "nearest row": scope.distances(embeddings),
            "nearest row / max-softmax": scope.score(embeddings, confidence),
        }
        rows[kind] = model.predict([row["text"] for row in found], tasks=["intent"], abstain=True)["intent"]
    truth = [row["label"] for row in _read(folder / "test_known.jsonl")]
    right = np.array(
        [max(a["scores"], key=a["scores"].get) == label for a, label in zip(rows["known"], truth, strict=True)]
    )
    ways = {way: _separation(strange["known"][way], strange["left_out"][way], right) for way in strange["known"]}
    return {"known": len(right), "accuracy": float(right.mean()), "ways": ways, "abstain": _abstained(rows, right)}


def _mahalanobis(model: Any, rows: list[dict[str, Any]]) -> Callable[[np.ndarray], np.ndarray]:
    """Lee et al. 2018, https://arxiv.org/abs/1807.03888: distance to the nearest class, one shrunk covariance."""
    vectors = normalized(_answers(model, rows)[0].astype(np.float64))  # (rows, dim)
    labels = np.array([row["label"] for row in rows])
    means = {label: vectors[labels == label].mean(axis=0) for label in np.unique(labels)}
    covariance, _ = ledoit_wolf(vectors - np.stack([means[label] for label in labels]), assume_centered=True)
    whitening = np.linalg.cholesky(np.linalg.inv(covariance))
    places = np.stack(list(means.values())) @ whitening  # (classes, dim)

    def distance(embeddings: np.ndarray) -> np.ndarray:
        found = normalized(embeddings.astype(np.float64)) @ whitening  # (batch, dim)
        return np.min([((found - place) ** 2).sum(axis=1) for place in places], axis=0)

    return distance


def _separation(known: np.ndarray, left_out: np.ndarray, right: np.ndarray) -> dict[str, Any]:
    every = np.concatenate([known, left_out])
    hits = np.concatenate([right, np.zeros(len(left_out))])[np.argsort(every, kind="stable")]  # least strange first
    truth = np.repeat([0, 1], [len(known), len(left_out)])
    return {
        "auroc": roc_auc_score(truth, every),
        "fpr_at_95_recall": float((left_out <= np.quantile(known, 0.95)).mean()),  # of known rows 95 % are kept
        "accuracy_at_coverage": {c: float(hits[: round(c * len(hits))].mean()) for c in (0.5, 0.7, 0.9)},
    }


def _abstained(answers: dict[str, Any], right: np.ndarray) -> dict[str, Any]:
    given = {kind: np.array([row["label"] is not None for row in found]) for kind, found in answers.items()}
    reasons = [row["reason"] for row in answers["left_out"]]
    return {
        "known_answered": float(given["known"].mean()),
        "known_right_of_answered": float(right[given["known"]].mean()),
        "left_out": len(reasons),
        "left_out_answered": float(given["left_out"].mean()),
        "left_out_reasons": {reason: reasons.count(reason) for reason in ("out of scope", "low confidence")},
    }


def _answers(model: Any, rows: list[dict[str, Any]]) -> tuple[np.ndarray, np.ndarray]:
    texts = [row["text"] for row in rows]
    embeddings = np.zeros((len(texts), model.config.embedding_size), dtype=np.float32)
    logits = np.zeros((len(texts), model.config.task("intent").num_logits), dtype=np.float32)
    for positions, _, output in model.run_batches(texts, tasks=["intent"]):
        embeddings[positions], logits[positions] = output.sentence_embedding.numpy(), output.logits["intent"].numpy()
    return embeddings, logits


def _read(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").split("\n") if line]


def _polyhead(*arguments: str | Path) -> str:
    command = [sys.executable, "-c", "from polyhead.cli import main; main()", *map(str, arguments)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    main()
