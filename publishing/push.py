"""A verified folder goes to the Hub."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from huggingface_hub import CommitInfo

from ..modeling.modeling_polyhead import PolyheadModel
from ..modeling.published_files_polyhead import published_files
from ..modeling.upload_polyhead import require_name, upload
from .onnx_export import export_onnx
from .onnx_location import BESIDE
from .verification import verify_folder


def check_publication(folder: Path, repo_id: str, onnx: bool = False) -> dict[str, int]:
    """Return what pushing a folder would publish: sizes in bytes by path.

    Args:
        folder: Of a saved model.
        repo_id: As in `push_folder`; only its spelling is looked at.
        onnx: As there.

    Raises:
        ValueError: The folder does not verify, and the message lists what is wrong; or no repository has such a name.
    """
    require_name(repo_id)
    with _verified(folder, onnx) as beside:
        return {name: path.stat().st_size for name, path in {**published_files(folder), **beside}.items()}


def push_folder(
    folder: Path,
    repo_id: str,
    private: bool,
    revision: str | None = None,
    create_pr: bool = False,
    onnx: bool = False,
) -> CommitInfo:
    """Publish a verified folder in one commit.

    Args:
        folder: Of a saved model.
        repo_id: As in `upload`, like what follows.
        private: As there.
        revision: As there.
        create_pr: As there.
        onnx: Export the model too, as `polyhead-onnx` in the repository, where `OnnxPolyhead` finds it.

    Raises:
        ValueError: The folder does not verify, or as in `upload`.
        ImportError: `onnx`, and the packages for it are not installed.
        ConnectionError: As in `upload`.
    """
    with _verified(folder, onnx) as beside:
        return upload(folder, repo_id, private=private, revision=revision, create_pr=create_pr, beside=beside)


@contextmanager
def _verified(folder: Path, onnx: bool) -> Iterator[dict[str, Path]]:
    """Give the files to publish beside the folder's own, once that has been verified."""
    problems = verify_folder(folder).problems
    if problems:
        listed = "\n  ".join([f"'{folder}' does not verify, so it is not pushed:", *problems])
        raise ValueError(listed)
    with tempfile.TemporaryDirectory() as place:
        exported = Path(place) / BESIDE
        if onnx:
            export_onnx(PolyheadModel.from_pretrained(folder), exported)
        yield {f"{BESIDE}/{path.name}": path for path in sorted(exported.glob("*"))}
