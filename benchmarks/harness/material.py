"""Texts and models that all subjects share. Torch is imported at first use: some subjects need none."""

import json
import os
from functools import cache
from itertools import cycle, islice
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
SOURCES = ("sst", "tweeteval_emotion", "goemotions")  # reviews, tweets, comments: 23 tokens on average


def data_folder() -> Path:
    """Return the folder of the data sets.

    Raises:
        FileNotFoundError: It is not there.
    """
    folder = Path(os.environ.get("POLYHEAD_DATA") or ROOT / "data")
    missing = [
        name for name in (*SOURCES, "snips", "stsb", "banking77") if not (folder / name / "test.jsonl").is_file()
    ]
    if missing:
        raise FileNotFoundError(
            f"'{folder}' has no test.jsonl of {', '.join(missing)}. Set POLYHEAD_DATA to the folder of the data sets."
        )
    return folder


def read_split(name: str, split: str) -> list[dict[str, Any]]:
    """Return all rows of one file."""
    lines = (data_folder() / name / f"{split}.jsonl").read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines if line]


def real_texts(count: int, sources: tuple[str, ...] = SOURCES) -> list[str]:
    """Return the first texts of the data sets' test splits, in turn."""
    columns = [[row["text"] for row in read_split(name, "test")] for name in sources]
    return [text for texts in zip(*columns, strict=False) for text in texts][:count]


def short_texts(count: int) -> list[str]:
    """Return the first five words of requests and questions, again and again until there are as many."""
    texts = [" ".join(text.split()[:5]) for text in real_texts(1400, ("snips", "banking77"))]
    return list(islice(cycle(texts), count))


@cache
def backbone_folder() -> str:
    """Return the folder of all-MiniLM-L6-v2, downloaded where no package carries it."""
    from huggingface_hub import snapshot_download

    from polyhead.modeling.backbone_polyhead import OFFLINE_NAME, hub_is_reachable, resolve_backbone

    # Asked once, with a quick answer: a Hub that is out of reach costs half a minute of retries at every load.
    source = resolve_backbone(OFFLINE_NAME, local_files_only=not hub_is_reachable())
    if not Path(source).is_dir():
        return snapshot_download(source, allow_patterns=["*.json", "*.txt", "model.safetensors"])
    return source


def new_model(tasks: Any = (), seed: int = 0, **options: Any) -> Any:
    """Return a `PolyheadModel` on that backbone, with new heads."""
    import torch

    from polyhead import PolyheadModel

    torch.manual_seed(seed)
    return PolyheadModel.from_backbone(backbone_folder(), tasks=list(tasks), **options)


def sentence_transformer(**options: Any) -> Any:
    """Return the same backbone as a `SentenceTransformer`."""
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(backbone_folder(), device="cpu", **options)
