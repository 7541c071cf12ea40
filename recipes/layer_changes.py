"""How far does each layer move when everything learns at one rate, and how large is its gradient?

    POLYHEAD_DATA=folder python recipes/layer_changes.py   # trains what has no line yet
    python recipes/layer_changes.py --report

Emotions of 1,000 tweets, four epochs, three seeds. A line of `docs/study/layer_changes.jsonl` is one seed; by depth
(embeddings, then layers from the bottom up) it has the length of the change of the weights, as a share of their own length,
and the same of the clipped gradient, before the first step and on average. Both are shown because AdamW divides each gradient
by its usual size: a large one alone moves a weight no further.
"""

import argparse
import tempfile
from collections import defaultdict
from pathlib import Path
from statistics import mean
from typing import Any

import torch
from matplotlib.figure import Figure
from transformers import TrainerCallback

from polyhead.training.optimization.depth import depth_map
from polyhead.training.recipe.recipe import load_recipe
from polyhead.training.study.results_file import append_result, read_results
from polyhead.training.training import prepare_trainer

HERE = Path(__file__).resolve().parent
RESULTS = HERE.parent / "docs" / "study" / "layer_changes.jsonl"
PICTURE = RESULTS.with_suffix(".png")
SEEDS, ROWS = (42, 43, 44), 1000
SETTINGS = ("train.learning_rates=null", "train.learning_rate=2e-4", "train.eval_strategy=no", "train.save_strategy=no")
FIGURES = {
    "change": "change of the weights",
    "first_gradient": "gradient, first step",
    "gradient": "gradient, mean of all steps",
}


def main() -> None:
    """Train the seeds that have no line yet; then draw, and show the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--report", action="store_true", help="Draw the results and print their table; train nothing.")
    if not parser.parse_args().report:
        done = {line["seed"] for line in read_results(RESULTS)}
        for seed in SEEDS:
            if seed not in done:
                append_result(RESULTS, {"seed": seed, **measure(seed)})
    draw(read_results(RESULTS))
    print(report(read_results(RESULTS)))


def measure(seed: int) -> dict[str, list[float]]:
    """Train one seed and return, by depth, the figures of `FIGURES`."""
    overrides = [*SETTINGS, f"train.seed={seed}", f"data.0.sample_rows={ROWS}", f"data.0.sample_seed={seed}"]
    recipe = load_recipe(HERE / "studies" / "sets" / "emotion.yaml", overrides)
    with tempfile.TemporaryDirectory() as folder:
        trainer = prepare_trainer(recipe, Path(folder))
        model = trainer.model
        groups = _backbone_by_depth(model)
        before = {depth: [p.detach().clone() for p in group] for depth, group in groups.items()}
        gradients = _Gradients(groups)
        trainer.add_callback(gradients)
        trainer.train()
    own = {depth: _length(weights) for depth, weights in before.items()}
    changes = {
        depth: _length([p.detach() - old for p, old in zip(groups[depth], before[depth], strict=True)])
        for depth in groups
    }
    return {
        "change": [changes[depth] / own[depth] for depth in groups],
        "first_gradient": [gradients.lengths[depth][0] / own[depth] for depth in groups],
        "gradient": [mean(gradients.lengths[depth]) / own[depth] for depth in groups],
    }


def report(lines: list[dict[str, Any]]) -> str:
    """Return a Markdown table: means over the seeds, in percent of the length of the weights."""
    rows = [f"| depth | {' | '.join(FIGURES.values())} |", "| --- | --- | --- | --- |"]
    for depth in range(len(lines[0]["change"])):
        told = [f"{100 * mean(line[name][depth] for line in lines):.2f}" for name in FIGURES]
        rows.append(f"| {_name(depth)} | {' | '.join(told)} |")
    return "\n".join(rows)


def draw(lines: list[dict[str, Any]]) -> None:
    """Draw the figures over the depth, a panel each; a thin line is a seed."""
    figure = Figure(figsize=(11, 3.2), layout="constrained")
    for panel, (name, title) in zip(figure.subplots(1, len(FIGURES)), FIGURES.items(), strict=True):
        for line in lines:
            panel.plot([100 * value for value in line[name]], color="grey", linewidth=0.7)
        means = [100 * mean(values) for values in zip(*(line[name] for line in lines), strict=True)]
        panel.plot(means, color="#0969da", marker="o")
        panel.set(title=title, xlabel="embeddings, then layers from the bottom up", ylim=(0, None))
    figure.supylabel("% of the weights' length", fontsize=10)
    figure.savefig(PICTURE, dpi=110, metadata={"Software": None})


class _Gradients(TrainerCallback):
    def __init__(self, groups: dict[int, list[torch.Tensor]]) -> None:
        self.lengths: dict[int, list[float]] = defaultdict(list)
        self._groups = groups

    def on_pre_optimizer_step(self, *_: Any, **__: Any) -> None:
        for depth, group in self._groups.items():
            self.lengths[depth].append(_length([p.grad for p in group if p.grad is not None]))


def _backbone_by_depth(model: Any) -> dict[int, list[torch.Tensor]]:
    groups: dict[int, list[torch.Tensor]] = {}
    depths, parameters = depth_map(model), dict(model.named_parameters())
    for name in sorted(parameters, key=depths.__getitem__):
        if depths[name] <= model.config.num_hidden_layers:
            groups.setdefault(depths[name], []).append(parameters[name])
    return groups


def _length(tensors: list[torch.Tensor]) -> float:
    return float(torch.stack([tensor.detach().double().square().sum() for tensor in tensors]).sum().sqrt())


def _name(depth: int) -> str:
    return f"layer {depth}" if depth else "embeddings"


if __name__ == "__main__":
    main()
