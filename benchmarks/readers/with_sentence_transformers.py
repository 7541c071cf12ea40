"""sentence-transformers and mteb, which runs on it."""

import os
import tempfile
from pathlib import Path
from typing import Any

import mteb
import numpy as np
from datasets import Dataset, DatasetDict
from mteb.abstasks import AbsTaskSTS
from mteb.abstasks.task_metadata import TaskMetadata
from scipy.stats import spearmanr
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer, SentenceTransformerTrainingArguments
from sentence_transformers.sentence_transformer.evaluation import EmbeddingSimilarityEvaluator
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

from polyhead import PolyheadModel

from .common import TEXTS, distance


def sentence_transformer(folder: Path, model: PolyheadModel, *, trust: bool = False) -> float:
    return distance(SentenceTransformer(str(folder), trust_remote_code=trust).encode(TEXTS), model.encode(TEXTS))


def trusted_sentence_transformer(folder: Path, model: PolyheadModel) -> float:
    return sentence_transformer(folder, model, trust=True)


def similarity_evaluator(folder: Path, model: PolyheadModel) -> float:
    first, second = TEXTS[:3], TEXTS[1:]
    embedded = [model.encode(side) for side in (first, second)]
    cosines = (embedded[0] * embedded[1]).sum(1) / np.prod([np.linalg.norm(side, axis=1) for side in embedded], axis=0)
    labels = cosines.argsort().argsort() / 2  # in the model's own order: the correlation of ranks must be 1
    scores = EmbeddingSimilarityEvaluator(first, second, labels.tolist())(SentenceTransformer(str(folder)))
    return abs(1.0 - next(value for name, value in scores.items() if name.endswith("spearman_cosine")))


def trained_on(folder: Path, model: PolyheadModel, *, trust: bool = False) -> float:
    """Train two steps with their trainer, save, load again: the same embeddings, and other ones than before."""
    pairs = Dataset.from_dict({"anchor": TEXTS, "positive": TEXTS[1:] + TEXTS[:1]})
    with tempfile.TemporaryDirectory() as parent:
        trained = SentenceTransformer(str(folder), trust_remote_code=trust, device="cpu")
        settings = {"max_steps": 2, "learning_rate": 1e-3, "report_to": "none", "save_strategy": "no", "use_cpu": True}
        arguments = SentenceTransformerTrainingArguments(parent, disable_tqdm=True, **settings)
        SentenceTransformerTrainer(trained, arguments, pairs, loss=MultipleNegativesRankingLoss(trained)).train()
        found = trained.encode(TEXTS)
        if distance(found, model.encode(TEXTS)) < 1e-4:
            raise ValueError("training changed nothing")
        trained.save_pretrained(f"{parent}/trained")
        return distance(SentenceTransformer(f"{parent}/trained", trust_remote_code=trust).encode(TEXTS), found)


def trusted_trained_on(folder: Path, model: PolyheadModel) -> float:
    return trained_on(folder, model, trust=True)


class LocalSTS(AbsTaskSTS):
    """The validation split of STS-B, from the folder `POLYHEAD_DATA`."""

    metadata = TaskMetadata(
        name="LocalSTS",
        description="STS-B, validation split, from a file.",
        dataset={"path": "local/stsb", "revision": "1"},
        type="STS",
        category="t2t",
        modalities=["text"],
        eval_splits=["validation"],
        eval_langs=["eng-Latn"],
        main_score="cosine_spearman",
    )

    def load_data(self, *_: Any, **__: Any) -> None:
        """Read it."""
        self.dataset = DatasetDict({"validation": local_sts()})
        self.data_loaded = True


def local_sts() -> Dataset:
    return Dataset.from_json(str(Path(os.environ.get("POLYHEAD_DATA", "../data")) / "stsb" / "validation.jsonl"))


def measured_by_mteb(folder: Path, model: PolyheadModel) -> float:
    """Run a task from beginning to end: its score must be the correlation of our own cosines."""
    result = mteb.evaluate(
        SentenceTransformer(str(folder), device="cpu"), LocalSTS(), cache=None, show_progress_bar=False
    )
    rows = local_sts()
    first, second = (model.encode(list(rows[column]), normalize=True) for column in ("sentence1", "sentence2"))
    return abs(spearmanr((first * second).sum(1), rows["score"])[0] - result.task_results[0].get_score())
