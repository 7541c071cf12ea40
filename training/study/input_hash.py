"""What a cell reads, data and weights, so that no result outlives them."""

import functools
import hashlib
from collections.abc import Iterator
from pathlib import Path

from ..recipe.recipe import Recipe
from ..recipe.recipe_sections import SPLITS

# Of a model's folder; its card and the records of its run decide nothing.
_MODEL_SUFFIXES = (".safetensors", ".bin", ".json", ".txt", ".model")


def input_hash(recipe: Recipe) -> str:
    """Return 12 hexadecimal digits that change with any byte that training reads; what the Hub holds has none.

    Read are a recipe's data files and, where it starts from folders, the files of checkpoint, backbone and tokenizer.
    """
    digest = hashlib.sha256()
    for file in [*_data_files(recipe), *_model_files(recipe)]:
        status = file.stat()
        digest.update(_file_hash(file, status.st_mtime_ns, status.st_size))
    return digest.hexdigest()[:12]


def _data_files(recipe: Recipe) -> Iterator[Path]:
    for source in recipe.data:
        yield from (file for split in SPLITS if (file := source.file(split)) is not None)


def _model_files(recipe: Recipe) -> Iterator[Path]:
    model = recipe.model
    for location in (model.checkpoint_location(), model.backbone_location(), model.tokenizer_location()):
        if location is not None and Path(location).is_dir():
            found = sorted(Path(location).iterdir())
            yield from (file for file in found if file.suffix in _MODEL_SUFFIXES and file.is_file())


@functools.cache  # a study asks again for every cell
def _file_hash(file: Path, changed_ns: int, num_bytes: int) -> bytes:
    digest = hashlib.sha256()
    with file.open("rb") as opened:
        while block := opened.read(2**20):
            digest.update(block)
    return digest.digest()
