"""What a cell is trained and measured on, so that no result outlives its data."""

import functools
import hashlib
from pathlib import Path

from ..recipe.recipe import Recipe
from ..recipe.recipe_sections import SPLITS


def data_hash(recipe: Recipe) -> str:
    """Return 12 hexadecimal digits that change with any byte of a recipe's data files; what the Hub holds has none."""
    digest = hashlib.sha256()
    for source in recipe.data:
        for split in SPLITS:
            file = source.file(split)
            if file is not None:
                status = file.stat()
                digest.update(_file_hash(file, status.st_mtime_ns, status.st_size))
    return digest.hexdigest()[:12]


@functools.cache  # a study asks again for every cell
def _file_hash(file: Path, changed_ns: int, num_bytes: int) -> bytes:
    digest = hashlib.sha256()
    with file.open("rb") as opened:
        while block := opened.read(2**20):
            digest.update(block)
    return digest.digest()
