"""Which files of a folder may leave for the Hub: a list of what may, never of what may not."""

from pathlib import Path

PUBLISHED = (".safetensors", ".json", ".txt", ".py", ".md", ".png", ".onnx", ".yaml")
# The record of a training run beside the model: its pictures may be on the card, but its recipe and its versions name
# folders and the machine.
RECORD, RECORD_PUBLISHED = "run", (".png",)
RUNNING_CHECKPOINT = "checkpoint-"
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib")
_PICKLED = (b"PK\x03\x04", *(b"\x80" + bytes([protocol]) for protocol in range(2, 6)))  # torch.save: a zip of pickles


def published_files(folder: Path) -> dict[str, Path]:
    """Return the files to publish, by their path in the repository.

    Raises:
        ValueError: One of them is a pickle by its content, or a link that leads out of the folder.
    """
    files = {path.relative_to(folder).as_posix(): path for path in model_files(folder)}
    published = {name: path for name, path in files.items() if _may_leave(name)}
    for path in published.values():
        if is_pickle(path):
            raise ValueError(f"'{path}' is a pickle whatever its name says, and loading one runs code; remove it.")
        if not path.resolve().is_relative_to(folder.resolve()):
            raise ValueError(f"'{path}' is a link to {path.resolve()}, outside the folder; copy the file in its place.")
    return published


def model_files(folder: Path) -> list[Path]:
    """Return every file of a folder in order, but for hidden ones and those of running checkpoints."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and not _is_left_out(path.relative_to(folder)))


def is_pickle(path: Path) -> bool:
    """Say whether a file is a pickle, by its name or its first bytes."""
    if path.suffix.lower() in PICKLES:
        return True
    if not path.name.endswith(PUBLISHED):
        return False  # archives of another kind begin with the same letters
    with path.open("rb") as file:
        return file.read(4).startswith(_PICKLED)


def _is_left_out(path: Path) -> bool:
    names = path.parts
    return any(name.startswith(".") or name == "__pycache__" for name in names) or (
        len(names) > 1 and names[0].startswith(RUNNING_CHECKPOINT)
    )


def _may_leave(name: str) -> bool:
    allowed = RECORD_PUBLISHED if name.startswith(f"{RECORD}/") else PUBLISHED
    return name.endswith(allowed)
