"""The sections `model` and `data` of a recipe."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, model_validator

from ...configuration.configuration_polyhead import POOLINGS
from ..closest_name import suggest_name
from .recipe_paths import resolve_file, resolve_name_or_folder

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
ORIGINS = ("backbone", "from_scratch", "checkpoint")


def _known_pooling(value: Any) -> Any:
    if value == []:
        raise ValueError("no pooling came; name at least one")
    for name in value if isinstance(value, list) else [value]:
        if isinstance(name, str) and name not in POOLINGS:
            raise ValueError(f"'{name}' is no pooling; {suggest_name(name, POOLINGS)}")
    return value


def _text_keys(value: Any) -> Any:
    # YAML reads an unquoted 0 as a number; as a key it can only mean the text in the file.
    if not isinstance(value, dict):
        return value
    return {
        str(key) if isinstance(key, int) and not isinstance(key, bool) else key: item for key, item in value.items()
    }


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, protected_namespaces=())

    # Folder of the recipe file, which relative paths start from.
    _folder: Path = PrivateAttr(default=Path())

    def model_post_init(self, context: Any) -> None:
        """Remember the recipe's folder, which validation passes as context."""
        self._folder = (context or {}).get("folder", Path())


class ModelSection(_Section):
    """What is trained: a pretrained backbone, one built from scratch, or a trained model with its heads."""

    backbone: str | None = Field(
        None, description="Hub name or folder of a backbone, or of a checkpoint for its encoder."
    )
    checkpoint: str | None = Field(
        None, description="Hub name or folder of a polyhead checkpoint: its tasks stay, those of the recipe are added."
    )
    from_scratch: dict[str, Any] | None = Field(None, description="model_type and fields of a new backbone's config.")
    tokenizer: str | None = Field(None, description="Hub name or folder; left out: trained from the recipe's texts.")
    vocab_size: int | None = Field(None, ge=8, description="Size of the vocabulary of a trained tokenizer.")
    pooling: Annotated[str | list[str], BeforeValidator(_known_pooling)] = Field("mean", description="One or several.")
    mix_last_layers: int = Field(1, ge=1, description="Pool a learned mix of the last k layers.")
    projection_dim: int | None = Field(None, ge=1, description="Width of a projection after pooling; null: none.")
    normalize: bool | None = Field(None, description="Embeddings of length 1; null: as the backbone does.")
    max_length: int | None = Field(None, ge=2, description="Longest input in tokens; null: as the backbone does.")
    prompts: dict[str, str] | None = Field(None, description="Texts to put before an input, by name.")
    default_prompt_name: str | None = Field(None, description="The prompt used when none is named.")

    @model_validator(mode="after")
    def _one_origin(self) -> "ModelSection":
        came = [name for name in ORIGINS if getattr(self, name) is not None]
        if len(came) != 1:
            told = " and ".join(came) or "neither"
            raise ValueError(f"{told} came; give exactly one of backbone, from_scratch and checkpoint")
        if self.checkpoint is not None and len(self.model_fields_set) > 1:
            others = ", ".join(sorted(self.model_fields_set - {"checkpoint"}))
            raise ValueError(f"a checkpoint is what it is; leave {others} out")
        if self.from_scratch is None and (self.tokenizer or self.vocab_size):
            raise ValueError(
                "tokenizer and vocab_size go with from_scratch; a backbone brings its own tokenizer, leave them out"
            )
        if self.tokenizer and self.vocab_size:
            raise ValueError("vocab_size is for a tokenizer that is trained here; leave it or tokenizer out")
        if self.default_prompt_name is not None and self.default_prompt_name not in (self.prompts or {}):
            raise ValueError(f"default_prompt_name '{self.default_prompt_name}' is not in prompts; add it there")
        return self

    def backbone_location(self) -> str | None:
        """Return the backbone's folder or its name on the Hub; None when built from scratch."""
        return self.backbone and resolve_name_or_folder(self.backbone, self._folder)

    def checkpoint_location(self) -> str | None:
        """Return the checkpoint's folder or its name on the Hub; None where the model does not start from one."""
        return self.checkpoint and resolve_name_or_folder(self.checkpoint, self._folder)

    def tokenizer_location(self) -> str | None:
        """Return the tokenizer's folder or name; None when it comes with the backbone or is trained."""
        return self.tokenizer and resolve_name_or_folder(self.tokenizer, self._folder)


class DataSource(_Section):
    """One data set: where its rows are and which columns hold what."""

    name: str = Field(min_length=1, description="Unique; used in logs.")
    train: str | None = Field(None, description="File (.jsonl, .csv, .tsv, .parquet), relative to the recipe.")
    validation: str | None = Field(None, description="File, relative to the recipe.")
    test: str | None = Field(None, description="File, relative to the recipe.")
    dataset: str | None = Field(None, description="Instead of files: name of a data set on the Hub.")
    config: str | None = Field(None, description="Configuration of the data set on the Hub.")
    splits: dict[Split, str] | None = Field(None, description="Our splits and the Hub's names of them.")
    text: str | list[str] | None = Field(None, description="Column of the text, or the two columns of a pair.")
    words: str | None = Field(None, description="Instead of text: column of the words, a list.")
    labels: dict[str, str | list[str] | None] = Field(
        min_length=1,
        description="Task and its column, or columns of several values; null: every row is a pair that belongs "
        "together (multiple_negatives_ranking).",
    )
    label_names: dict[str, Annotated[dict[str, str], BeforeValidator(_text_keys)]] = Field(
        default_factory=dict, description="By task: value in the file and the label it means."
    )
    delimiter: str | None = Field(None, min_length=1, max_length=1, description="CSV only; null: by the file's ending.")
    encoding: str | None = Field(None, description="CSV only; null: utf-8.")
    max_rows: int | None = Field(None, ge=1, description="First rows of train only, for tries.")
    sample_rows: int | None = Field(
        None,
        ge=1,
        description="So many rows of train, drawn at random, each label in proportion; what labels there are, and the "
        "scale of numbers, is read from all rows.",
    )
    sample_seed: int = Field(42, description="Decides which rows are drawn; smaller samples are part of larger ones.")
    streaming: bool = Field(
        False,
        description="Read train while it trains, not before: it never lies in memory as a whole. Needs max_steps.",
    )
    first_rows: int = Field(
        10_000,
        ge=1,
        description="Of a stream: rows read before training, for label names, the scale of numbers, a new tokenizer, `check` "
        "and `plan`. A label that comes later only is an error, unless the task lists it.",
    )
    buffer_rows: int = Field(
        10_000, ge=1, description="Of a stream: rows that are in memory at a time, shuffled and grouped by length."
    )

    @model_validator(mode="after")
    def _one_origin(self) -> "DataSource":
        files = [split for split in SPLITS if getattr(self, split)]
        if bool(files) == (self.dataset is not None):
            raise ValueError("give either files (train, validation, test) or dataset")
        if self.dataset is None and (self.config or self.splits):
            raise ValueError("config and splits belong to dataset; leave them out with files")
        if (self.text is None) == (self.words is None):
            raise ValueError("give exactly one of text and words: the column to read")
        if isinstance(self.text, list) and len(self.text) != 2:
            raise ValueError(f"text has {len(self.text)} columns; give one column, or two for pairs")
        return self

    @model_validator(mode="after")
    def _fit_reading(self) -> "DataSource":
        alone = sorted(self.model_fields_set & {"first_rows", "buffer_rows"})
        was_switched_off = "streaming" in self.model_fields_set  # with all else left in place: to read every row once
        if alone and not self.streaming and not was_switched_off:
            raise ValueError(f"{' and '.join(alone)} came without a stream; add `streaming: true`, or leave it out")
        if "sample_seed" in self.model_fields_set and self.sample_rows is None:
            raise ValueError("sample_seed came without sample_rows; add `sample_rows: number`, or leave it out")
        for name in ("max_rows", "sample_rows"):
            if self.streaming and getattr(self, name) is not None:
                raise ValueError(f"{name} and streaming came; leave {name} out (max_steps ends the run), or streaming")
        if self.streaming and self.dataset is None and self.train is None:
            raise ValueError("streaming reads train, and there is none; add `train: file`, or leave streaming out")
        return self

    @property
    def is_pair(self) -> bool:
        """Whether a row is two texts."""
        return isinstance(self.text, list)

    @property
    def input_columns(self) -> list[str]:
        """The columns that hold the text."""
        return [self.words] if self.words else [self.text] if isinstance(self.text, str) else list(self.text or [])

    @property
    def label_columns(self) -> dict[str, list[str]]:
        """The columns of each task: one, one per value of a regression with several, none where every row counts."""
        return {task: [columns] if isinstance(columns, str) else columns or [] for task, columns in self.labels.items()}

    @property
    def needed_columns(self) -> list[str]:
        """The columns of texts and labels."""
        return [*self.input_columns, *(column for columns in self.label_columns.values() for column in columns)]

    def csv_format(self, file: Path) -> tuple[str, str]:
        """Return delimiter and encoding of a CSV file."""
        return self.delimiter or ("\t" if file.suffix == ".tsv" else ","), self.encoding or "utf-8"

    @property
    def hub_splits(self) -> dict[str, str]:
        """Our splits and the Hub's names of them; empty where the recipe leaves that to the Hub."""
        return {str(ours): theirs for ours, theirs in (self.splits or {}).items()}

    def file(self, split: str) -> Path | None:
        """Return the file of a split, None where it has none.

        Raises:
            ValueError: No such split, or the path needs an environment variable that is not set.
        """
        if split not in SPLITS:
            raise ValueError(f"'{split}' is no split; {suggest_name(split, SPLITS)}")
        written = getattr(self, split)
        return written and resolve_file(written, self._folder)
