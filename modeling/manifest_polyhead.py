"""A manifest says what a saved model or a finished checkpoint holds, so that damage and half-written folders are found."""

import hashlib
import json
import os
import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

MANIFEST = "manifest.json"
# What libraries read from a model's folder; the card is not among it, because people edit it.
LOADED = (".safetensors", ".json", ".py", ".txt", ".model", ".jinja")
_MODULE_FOLDER = re.compile(r"\d+_\w+")  # of sentence-transformers
_CHUNK_BYTES = 1 << 20


def write_manifest(folder: Path, facts: dict[str, Any]) -> None:
    """Write size and sha256 of every file in a folder, and bring all of it to the disk.

    Args:
        folder: Complete but for the manifest.
        facts: What else a reader should compare: step, versions, labels, the data's fingerprint.
    """
    paths = [path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST]
    for path in paths:
        with path.open("rb") as file:
            os.fsync(file.fileno())
    _write(folder, {**facts, "files": _described(folder, paths)})


def write_model_manifest(folder: Path) -> None:
    """Write size and sha256 of the files that make a saved model; whatever else lies in the folder is left out."""
    _write(folder, {"files": _described(folder, loaded_files(folder))})


def update_manifest(folder: Path, names: Iterable[str]) -> None:
    """Take note of files that were changed on purpose; damage to others stays known. Without a manifest, nothing is done.

    Args:
        folder: Of a saved model.
        names: Paths of the changed files in it, and of those that may be gone.
    """
    if not (folder / MANIFEST).is_file():
        return
    content = read_manifest(folder)
    paths = {name: folder / name for name in names}
    others = {name: entry for name, entry in content["files"].items() if name not in paths}
    content["files"] = others | _described(folder, [path for path in paths.values() if path.is_file()])
    _write(folder, content)


def loaded_files(folder: Path) -> list[Path]:
    """Return the files of a saved model that libraries read, in order."""
    places = [folder, *(path for path in folder.iterdir() if path.is_dir() and _MODULE_FOLDER.fullmatch(path.name))]
    files = [path for place in places for path in place.iterdir() if path.is_file() and path.name != MANIFEST]
    return sorted(path for path in files if path.suffix in LOADED and not path.name.startswith("."))


def _described(folder: Path, paths: Iterable[Path]) -> dict[str, dict[str, Any]]:
    return {
        path.relative_to(folder).as_posix(): {"size": path.stat().st_size, "sha256": sha256_of(path)}
        for path in sorted(paths)
    }


def _write(folder: Path, content: dict[str, Any]) -> None:
    content["sha256"] = _own_sha256(content)
    unfinished = folder / f".{MANIFEST}.unfinished"
    with unfinished.open("w", encoding="utf-8") as file:
        json.dump(content, file, indent=2, sort_keys=True)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(folder / MANIFEST)


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return a folder's manifest.

    Raises:
        ValueError: It is missing or damaged.
    """
    try:
        content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ValueError(f"{MANIFEST} is missing: the checkpoint was never finished") from None
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError):
        raise ValueError(f"{MANIFEST} is damaged: it is not JSON any more") from None
    if not isinstance(content, dict) or content.get("sha256") != _own_sha256(content):
        raise ValueError(f"{MANIFEST} is damaged: its own checksum is wrong")
    if not _names_files(content.get("files")):
        raise ValueError(f"{MANIFEST} is damaged: it does not list files of its folder by size and sha256")
    return content


def find_damage(folder: Path) -> list[str]:
    """Return what is wrong with a checkpoint, one line a file; nothing when it is whole."""
    try:
        files = read_manifest(folder)["files"]
    except ValueError as error:
        return [str(error)]
    problems = []
    for name, expected in files.items():
        path = folder / name
        if not path.is_file():
            problems.append(f"{name} is missing")
        elif path.stat().st_size != expected["size"]:
            size = path.stat().st_size
            how = "empty" if not size else "cut" if size < expected["size"] else "longer than it was"
            problems.append(f"{name} is {how}: {size} of {expected['size']} bytes")
        elif sha256_of(path) != expected["sha256"]:
            problems.append(f"{name} is damaged: its checksum is wrong")
    return problems


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file's content, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _names_files(files: Any) -> bool:
    return isinstance(files, dict) and all(
        isinstance(entry, dict)
        and isinstance(entry.get("size"), int)
        and isinstance(entry.get("sha256"), str)
        and not PurePosixPath(name).is_absolute()
        and ".." not in PurePosixPath(name).parts
        for name, entry in files.items()
    )


def _own_sha256(content: dict[str, Any]) -> str:
    others = {key: value for key, value in content.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(others, sort_keys=True).encode()).hexdigest()
