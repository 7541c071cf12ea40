"""`push_to_hub` of a model in memory."""

import tempfile
from pathlib import Path
from typing import Any

from huggingface_hub import CommitInfo
from transformers import PreTrainedModel

from .card_polyhead import take_card
from .upload_polyhead import SAY_PRIVATE, upload


class PushingMixin(PreTrainedModel):
    """`push_to_hub`."""

    _source: tuple[str, dict[str, Any]] | None

    def push_to_hub(
        self, repo_id: str, *, private: bool | None = None, max_shard_size: int | str = "50GB", **options: Any
    ) -> CommitInfo:
        """Save the model in a temporary folder and publish it in one commit: safetensors, JSON and text, never a pickle.

        Args:
            repo_id: `name` or `owner/name`; made where there is no such repository.
            private: Whether the repository is private; it must be said.
            max_shard_size: As in `save_pretrained`.
            **options: `revision`, `create_pr`, `token`, `commit_message` and `commit_description`.

        Raises:
            ValueError: `private` is not said, nobody is logged in, or there is no right to write or no such branch.
            ConnectionError: The Hub cannot be reached or fails; nothing is half done.
        """
        if private is None:
            raise ValueError(SAY_PRIVATE)
        with tempfile.TemporaryDirectory() as folder:
            take_card(Path(folder), self._source)
            self.save_pretrained(folder, max_shard_size=max_shard_size)
            return upload(Path(folder), repo_id, private=private, **options)
