"""One folder, one commit on the Hub: whatever fails on the way, there is that commit or none."""

import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from huggingface_hub import CommitInfo, CommitOperationAdd, HfApi
from huggingface_hub.errors import (
    HfHubHTTPError,
    HFValidationError,
    LocalTokenNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import validate_repo_id
from transformers.utils import logging

from .card_polyhead import CARD, name_card
from .manifest_polyhead import sha256_of
from .published_files_polyhead import published_files

logger = logging.get_logger(__name__)

UPLOAD_OPTIONS = ("private", "revision", "create_pr", "token", "commit_message", "commit_description")
SAY_PRIVATE = "private is not given: say private=True or private=False, because the Hub's default is public."
WAITS_SECONDS = (1, 2, 4)  # before the second attempt and those after it
LONGEST_WAIT_SECONDS = 60
_HTTP_CLIENTS = ("httpx", "httpx2")  # huggingface_hub lets errors of its HTTP client through: httpx2 from 2.x on
Result = TypeVar("Result")


def upload(
    folder: Path,
    repo_id: str,
    *,
    private: bool | None,
    revision: str | None = None,
    create_pr: bool = False,
    token: str | bool | None = None,
    commit_message: str | None = None,
    commit_description: str | None = None,
    beside: dict[str, Path] | None = None,
) -> CommitInfo:
    """Publish the files of a folder that may leave, in one commit; makes the repository where there is none.

    What failed may be called again: files that have arrived are not sent twice, a commit that was made is not made again.

    Args:
        folder: Of a saved model. A card that polyhead rendered is published with the repository's name in it.
        repo_id: `name` or `owner/name`.
        private: Whether the repository is private; it must be said, because the Hub's default is public.
        revision: Branch to commit to, which must exist; None: `main`.
        create_pr: Propose the files as a pull request instead.
        token: Of the Hub; None: the one that is logged in.
        commit_message: None: one that names the content, by which a pull request is found again.
        commit_description: Text below the message.
        beside: Other files, by their path in the repository; they win over the folder's.

    Raises:
        ValueError: The caller can mend it: not logged in, no right, no such branch, another visibility, nothing to send.
        ConnectionError: The Hub cannot be reached or fails, also when asked again.
    """
    if private is None:
        raise ValueError(SAY_PRIVATE)
    files = {**published_files(folder), **(beside or {})}
    if not files:
        raise ValueError(f"'{folder}' holds no file that may be published; name the folder of a saved model.")
    api = HfApi(token=token)
    message = commit_message or f"Upload polyhead model {_fingerprint(files)}"
    where = f"'{repo_id}'" + (f", branch '{revision}'" if revision else "")

    def _commit() -> CommitInfo:
        # Made anew for every attempt: the Hub is asked which files it has, and a commit of nothing is left out.
        operations = [CommitOperationAdd(path, _content(path, file, name)) for path, file in files.items()]
        if create_pr and (proposed := _open_proposal(api, name, message)) is not None:
            return proposed
        return api.create_commit(
            name,
            operations,
            commit_message=message,
            commit_description=commit_description,
            revision=revision,
            create_pr=create_pr,
        )

    try:
        name = _patiently(lambda: _full_name(api, repo_id))
        _patiently(lambda: _require_repository(api, name, private))
        return _patiently(_commit)
    except Exception as error:
        raise _told(_reason(error), where) from error


def _content(path: str, file: Path, repo_id: str) -> Path | bytes:
    if path != CARD:
        return file
    text = file.read_bytes().decode(errors="surrogateescape")  # a card by hand may be no UTF-8
    return name_card(text, repo_id).encode(errors="surrogateescape")


def require_login(token: str | bool | None = None) -> None:
    """Refuse at once what would only fail when a model has been trained.

    Raises:
        ValueError: Nobody is logged in.
        ConnectionError: The Hub cannot be reached.
    """
    try:
        _patiently(HfApi(token=token).whoami)
    except Exception as error:
        raise _told(_reason(error), "the Hub") from error


def require_name(repo_id: str) -> None:
    """Refuse what no repository can be called, without asking the Hub.

    Raises:
        ValueError: It is no `name` or `owner/name`.
    """
    try:
        validate_repo_id(repo_id)
    except HFValidationError as error:
        raise _told(error, f"'{repo_id}'") from error


def _fingerprint(files: dict[str, Path]) -> str:
    """Return a few letters that differ for different content."""
    digest = hashlib.sha256()
    for name, path in files.items():
        digest.update(f"{name} {sha256_of(path)}\n".encode())
    return digest.hexdigest()[:12]


def _full_name(api: HfApi, repo_id: str) -> str:
    user = api.whoami()["name"]  # asked in any case: whoever is not logged in learns it first
    return repo_id if "/" in repo_id else f"{user}/{repo_id}"


def _require_repository(api: HfApi, name: str, private: bool) -> None:
    try:
        is_private = bool(api.repo_info(name).private)
    except RepositoryNotFoundError:
        api.create_repo(name, private=private, exist_ok=True)
        return
    if is_private != private:
        now, asked = ("private", "public") if is_private else ("public", "private")
        raise ValueError(
            f"'{name}' is {now}, but {asked} was asked for. Change it in the repository's settings, or push as {now}."
        )


def _open_proposal(api: HfApi, name: str, message: str) -> CommitInfo | None:
    """Return the open pull request of an earlier attempt whose answer was lost."""
    proposals = api.get_repo_discussions(name, discussion_type="pull_request", discussion_status="open")
    found = next((proposal for proposal in proposals if proposal.title == message), None)
    if found is None:
        return None
    oid = api.repo_info(name, revision=f"refs/pr/{found.num}").sha or ""
    return CommitInfo(f"{api.endpoint}/{name}/commit/{oid}", message, "", oid, pr_url=found.url)


def _patiently(step: Callable[[], Result]) -> Result:
    """Do a step again while the Hub is busy or out of reach; each step may be done twice."""
    for wait_seconds in WAITS_SECONDS:
        try:
            return step()
        except Exception as error:
            reason = _reason(error)
            wait = _asked_wait(reason) or wait_seconds
            if not _may_pass(reason) or wait > LONGEST_WAIT_SECONDS:
                raise
            logger.warning(f"{_first_line(reason)} Trying again in {wait} s.")
            time.sleep(wait)
    return step()


def _reason(error: BaseException) -> BaseException:
    """Return what went wrong with a file where huggingface_hub only says that it could not be uploaded."""
    return error.__cause__ if isinstance(error, RuntimeError) and error.__cause__ is not None else error


def _may_pass(error: BaseException) -> bool:
    if isinstance(error, HfHubHTTPError):
        return error.response.status_code in (408, 429) or error.response.status_code >= 500
    # JSONDecodeError: the check of the card reads the body of a failed answer as JSON.
    if isinstance(error, json.JSONDecodeError):
        return True
    return any(kind.__module__.split(".")[0] in _HTTP_CLIENTS for kind in type(error).__mro__)


def _asked_wait(error: BaseException) -> int | None:
    headers = error.response.headers if isinstance(error, HfHubHTTPError) else {}
    asked = headers.get("Retry-After", "")
    return int(asked) if asked.isdigit() else None


def _told(error: BaseException, where: str) -> Exception:
    """Return the error in our words: whose mistake it is, where, and what to do."""
    again = "Nothing is half done: run the same command again."
    status = error.response.status_code if isinstance(error, HfHubHTTPError) else None
    if isinstance(error, LocalTokenNotFoundError) or (status == 401 and not isinstance(error, RepositoryNotFoundError)):
        return ValueError("not logged in to the Hub, or the token has expired: run `hf auth login`, or set HF_TOKEN.")
    if isinstance(error, OfflineModeIsEnabled):
        return ValueError("HF_HUB_OFFLINE is set, so nothing can be pushed; unset it.")
    if isinstance(error, HFValidationError):
        return ValueError(
            f"{where} is no name of a repository: write owner/name, in letters, digits, '-', '_' and '.'."
        )
    if isinstance(error, RevisionNotFoundError):
        return ValueError(f"{where} does not exist; make the branch on the Hub first, or leave --revision out.")
    if isinstance(error, RepositoryNotFoundError) or status == 403:
        return ValueError(
            f"no right to write to {where}: {_server_words(error)} Use a token with write access, ask the owner for it, or "
            "propose the files with --pr."
        )
    if _may_pass(error):
        return ConnectionError(f"pushing to {where} failed: {_first_line(error)} {again}")
    return (
        error if isinstance(error, ValueError) else ConnectionError(f"pushing to {where}: {_first_line(error)} {again}")
    )


def _server_words(error: BaseException) -> str:
    return (getattr(error, "server_message", None) or _first_line(error)).rstrip(".") + "."


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return lines[0].rstrip(".") + "."
