"""A Trainer that pushes what every push does: the finished model, by the same list of files, in one commit."""

from pathlib import Path
from typing import Any

from huggingface_hub import CommitInfo

from ...modeling.upload_polyhead import require_login, upload
from .checkpoints import CheckpointingTrainer


class PushingTrainer(CheckpointingTrainer):
    """A Trainer whose `push_to_hub` sends no optimizer, no pickle and no second commit."""

    hub_model_id: str | None

    def init_hf_repo(self, token: str | None = None, private: bool | None = None) -> None:
        """Note the repository's name, and that somebody is logged in; it is made when there is a model to put into it."""
        if self.is_world_process_zero():
            require_login(token or self.args.hub_token)
            self.hub_model_id = self.args.hub_model_id or Path(self.args.output_dir).absolute().name

    def push_to_hub(
        self,
        commit_message: str | None = None,
        token: str | None = None,
        revision: str | None = None,
        private: bool | None = None,
    ) -> CommitInfo | None:
        """Save the model in `output_dir` and publish that folder.

        Args:
            commit_message: As in `upload`.
            token: None: `hub_token`.
            revision: Branch; None: `hub_revision`.
            private: None: `hub_private_repo`.

        Returns:
            The commit; None on processes other than the first.

        Raises:
            ValueError, ConnectionError: As `upload`; the model is saved all the same.
        """
        self.save_model(_internal_call=True)
        if not self.is_world_process_zero():
            return None
        if self.hub_model_id is None:
            self.init_hf_repo(token, private)
        args: Any = self.args
        options: dict[str, Any] = {"token": token or args.hub_token, "revision": revision or args.hub_revision}
        private = args.hub_private_repo if private is None else private
        try:
            return upload(
                Path(args.output_dir), str(self.hub_model_id), private=private, commit_message=commit_message, **options
            )
        except (ValueError, ConnectionError) as error:
            raise type(error)(
                f"{error} The model is saved in '{args.output_dir}'; `polyhead push` sends it without training again."
            ) from error
