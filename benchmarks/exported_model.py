"""Sizes, scores and speed of a trained model under torch, under ONNX Runtime, and there with 8-bit weights.

    python benchmarks/exported_model.py runs/snips recipes/snips.yaml [SPLIT]

Scores are those of `polyhead evaluate`; SPLIT is `validation` unless another is named. Speed is the median of rounds that
take turns, on texts of that split, in processor time of one thread, which other jobs do not disturb: compare the ratios only.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path
from types import MethodType

import torch

from polyhead import OnnxPolyhead, PolyheadModel
from polyhead.modeling.outputs_polyhead import PolyheadOutput
from polyhead.publishing import export_onnx
from polyhead.training.data.rows import read_rows
from polyhead.training.recipe.recipe import load_recipe
from polyhead.training.recipe_evaluation import evaluate_recipe

NUM_TEXTS, NUM_ROUNDS = 500, 5


def as_model(checkpoint, exported):
    """Return a model for `evaluate_recipe` whose batches run in ONNX Runtime."""

    def run_tokenized(_, *arguments, **options):
        for rows, output in exported.run_tokenized(*arguments, **options):
            yield (
                rows,
                PolyheadOutput(
                    logits={name: torch.tensor(values) for name, values in output.logits.items()},
                    sentence_embedding=torch.tensor(output.sentence_embedding),
                    pair_sentence_embedding=(
                        None if output.pair_sentence_embedding is None else torch.tensor(output.pair_sentence_embedding)
                    ),
                ),
            )

    model = PolyheadModel.from_pretrained(checkpoint)
    model.run_tokenized = MethodType(run_tokenized, model)
    return model


def texts_of(model, recipe, split):
    rows = [row for source in load_recipe(recipe).data for row in read_rows(source, split, model.config.tasks)]
    texts = [row.get("text") or " ".join(row["words"]) for row in rows[:NUM_TEXTS]]
    return [text if isinstance(text, str) else text[0] for text in texts]


def main(checkpoint, recipe, split="validation"):
    torch.set_num_threads(1)
    model = PolyheadModel.from_pretrained(checkpoint)
    with tempfile.TemporaryDirectory() as folder:
        runners, evaluated, sizes = {"torch": model}, {"torch": model}, {}
        for name, int8 in (("onnx", False), ("onnx int8", True)):
            export_onnx(model, Path(folder) / name, int8=int8)
            runners[name] = OnnxPolyhead.from_pretrained(Path(folder) / name, num_threads=1)
            evaluated[name] = as_model(checkpoint, runners[name])
            sizes[name] = (Path(folder) / name / "model.onnx").stat().st_size / 1e6
        scores = {name: evaluate_recipe(runner, recipe, split)[1] for name, runner in evaluated.items()}
        texts = texts_of(model, recipe, split)
        seconds = {name: [] for name in runners}
        for _ in range(NUM_ROUNDS):
            for name, runner in runners.items():
                start = time.process_time()
                runner.encode(texts)
                seconds[name].append(time.process_time() - start)
    speeds = {name: len(texts) / statistics.median(values) for name, values in seconds.items()}
    for task, metrics in scores["torch"].items():
        for metric in metrics:
            values = {name: 100 * scores[name][task][metric] for name in runners}
            told = "   ".join(f"{name} {value:.2f}" for name, value in values.items())
            print(f"{task} {metric} (x 100): {told}   int8 - onnx {values['onnx int8'] - values['onnx']:+.2f}")
    print("graph, MB: " + "   ".join(f"{name} {size:.1f}" for name, size in sizes.items()))
    print("speed, torch = 1: " + "   ".join(f"{name} {speed / speeds['torch']:.2f}" for name, speed in speeds.items()))


if __name__ == "__main__":
    main(*sys.argv[1:])
