"""What do the layers of the untouched backbone hold already? A linear probe on each of them, for six questions.

    POLYHEAD_DATA=folder python recipes/layer_probes.py
    python recipes/layer_probes.py --report

A probe (Alain and Bengio 2016, https://arxiv.org/abs/1610.01644) is a logistic regression on vectors that nobody trains: the
mean over a text's tokens of what a layer gives, or for slots the vector of a word's first token. A line of
`docs/study/layer_probes.jsonl` is one question: the accuracy on validation at each depth, 0 being the embeddings, and that of
answering with the commonest label. Training rows are at most 1,000 at equal distances, of slots 500; there is no chance in it.
"""

import argparse
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from transformers import AutoModel, AutoTokenizer

from polyhead.modeling.backbone_polyhead import OFFLINE_NAME, hub_is_reachable, resolve_backbone
from polyhead.training.study.results_file import Line, append_result, read_results

HERE = Path(__file__).resolve().parent
RESULTS = HERE.parent / "docs" / "study" / "layer_probes.jsonl"
QUESTIONS = {  # folder of the data set, column of the label
    "topic": ("quickstart", "topic"),
    "intents of bank customers": ("banking77", "label"),
    "sentiment of short texts": ("quickstart", "sentiment"),
    "emotions of tweets": ("tweeteval_emotion", "label"),
    "film reviews, five grades": ("sst", "label5"),
    "slots of commands, by word": ("snips", "slot_tags"),
}
ROWS, WORD_ROWS, BATCH = 1000, 500, 32
Vectors = list[list[np.ndarray]]  # by depth, one of shape (hidden_size,) an item


def main() -> None:
    """Measure what has no line yet, then show the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--report", action="store_true", help="Print the table of the results.")
    if not parser.parse_args().report:
        done = {line["question"] for line in read_results(RESULTS)}
        for question in (question for question in QUESTIONS if question not in done):
            append_result(RESULTS, {"question": question, **measure(*QUESTIONS[question])})
    print(report(read_results(RESULTS)))


def measure(data: str, column: str) -> Line:
    """Return the accuracy of a probe at each depth, and of the commonest label."""
    folder = HERE / data if data == "quickstart" else Path(os.environ["POLYHEAD_DATA"]) / data
    train, validation = (_labelled(folder / f"{split}.jsonl", column) for split in ("train", "validation"))
    of_words = isinstance(train[0][column], list)
    most = WORD_ROWS if of_words else ROWS
    train = train[:: max(1, len(train) // most)][:most]
    (vectors, labels), (asked, truth) = (_vectors(rows, column, of_words) for rows in (train, validation))
    commonest = Counter(labels).most_common(1)[0][0]
    scores = []
    for depth in range(len(vectors)):
        probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=500))
        scores.append(float(probe.fit(vectors[depth], labels).score(asked[depth], truth)))
    return {"scores": scores, "commonest": float(np.mean([label == commonest for label in truth])), "rows": len(train)}


def report(lines: list[Line]) -> str:
    """Return a Markdown table of accuracies in percent, a line a question and a column a depth."""
    depths = range(len(lines[0]["scores"]))
    columns = ["question", "commonest label", "embeddings", *(f"layer {depth}" for depth in depths if depth)]
    rows = [f"| {' | '.join(columns)} |", "| --- " * len(columns) + "|"]
    for line in lines:
        told = [f"{100 * score:.1f}" for score in (line["commonest"], *line["scores"])]
        rows.append(f"| {' | '.join([line['question'], *told])} |")
    return "\n".join(rows)


def _labelled(file: Path, column: str) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return [row for row in rows if row[column] is not None]


@torch.inference_mode()
def _vectors(rows: list[dict[str, Any]], column: str, of_words: bool) -> tuple[Vectors, list[Any]]:
    source = resolve_backbone(OFFLINE_NAME, local_files_only=not hub_is_reachable())
    tokenizer, model = AutoTokenizer.from_pretrained(source), AutoModel.from_pretrained(source).eval()
    vectors: Vectors = [[] for _ in range(model.config.num_hidden_layers + 1)]
    for start in range(0, len(rows), BATCH):
        inputs = [row["tokens" if of_words else "text"] for row in rows[start : start + BATCH]]
        tokens = tokenizer(
            inputs, padding=True, truncation=True, max_length=128, is_split_into_words=of_words, return_tensors="pt"
        )
        states = torch.stack(model(**tokens, output_hidden_states=True).hidden_states).numpy()
        for item, words in enumerate(inputs):
            mask = tokens["attention_mask"][item].bool().numpy()
            places = [[tokens.word_ids(item).index(n)] for n in range(len(words))] if of_words else [mask]
            for depth, of_depth in enumerate(states):
                vectors[depth] += [of_depth[item][place].mean(axis=0) for place in places]
    labels = [row[column] for row in rows]
    return vectors, [label for tags in labels for label in tags] if of_words else labels


if __name__ == "__main__":
    main()
