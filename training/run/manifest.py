"""A manifest says what a finished checkpoint holds, so that damage and half-written folders are found before use."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

MANIFEST = "manifest.json"
_CHUNK_BYTES = 1 << 20


def write_manifest(folder: Path, facts: dict[str, Any]) -> None:
    """Write size and sha256 of every file in a folder, and bring all of it to the disk.

    Args:
        folder: Complete but for the manifest.
        facts: What else a reader should compare: step, versions, labels, the data's fingerprint.
    """
    files = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST):
        with path.open("rb") as file:
            os.fsync(file.fileno())
        files[path.relative_to(folder).as_posix()] = {"size": path.stat().st_size, "sha256": _sha256(path)}
    content = {**facts, "files": files}
    content["sha256"] = _own_sha256(content)
    with (folder / MANIFEST).open("w", encoding="utf-8") as file:
        json.dump(content, file, indent=2, sort_keys=True)
        file.flush()
        os.fsync(file.fileno())


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return a folder's manifest.

    Raises:
        ValueError: It is missing or damaged.
    """
    try:
        content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ValueError(f"{MANIFEST} is missing: the checkpoint was never finished") from None
    except (UnicodeDecodeError, json.JSONDecodeError):
        raise ValueError(f"{MANIFEST} is damaged: it is not JSON any more") from None
    if not isinstance(content, dict) or content.get("sha256") != _own_sha256(content):
        raise ValueError(f"{MANIFEST} is damaged: its own checksum is wrong")
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
            problems.append(f"{name} is {'empty' if not size else 'cut'}: {size} of {expected['size']} bytes")
        elif _sha256(path) != expected["sha256"]:
            problems.append(f"{name} is damaged: its checksum is wrong")
    return problems


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _own_sha256(content: dict[str, Any]) -> str:
    others = {key: value for key, value in content.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(others, sort_keys=True).encode()).hexdigest()
