"""A verified folder goes to the Hub."""

from pathlib import Path

from huggingface_hub import CommitInfo

from ..modeling.published_files_polyhead import published_files
from ..modeling.upload_polyhead import upload
from .verification import verify_folder


def check_publication(folder: Path) -> dict[str, int]:
    """Return what pushing a folder would publish: sizes in bytes by path.

    Raises:
        ValueError: The folder does not verify; the message lists what is wrong.
    """
    problems = verify_folder(folder).problems
    if problems:
        listed = "\n  ".join([f"'{folder}' does not verify, so it is not pushed:", *problems])
        raise ValueError(listed)
    return {name: path.stat().st_size for name, path in published_files(folder).items()}


def push_folder(
    folder: Path, repo_id: str, private: bool, revision: str | None = None, create_pr: bool = False
) -> CommitInfo:
    """Publish a verified folder in one commit; arguments and errors as in `check_publication` and `upload`."""
    check_publication(folder)
    return upload(folder, repo_id, private=private, revision=revision, create_pr=create_pr)
