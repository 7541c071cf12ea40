"""The model that a recipe asks for: new heads on a backbone, more heads on a trained model, or all from scratch."""

from collections.abc import Iterator

from transformers import AutoConfig

from ..configuration.configuration_polyhead import PolyheadConfig
from ..modeling.backbone_polyhead import check_backbone
from ..modeling.modeling_polyhead import PolyheadModel
from ..modeling.tokenizing_polyhead import load_tokenizer
from .data.rows import LoadedData
from .data.tokenizer_training import train_tokenizer
from .recipe.recipe import Recipe
from .recipe.recipe_sections import ModelSection
from .starting_checkpoint import load_with_tasks

DEFAULT_VOCAB_SIZE = 8000


def build_model(recipe: Recipe, data: LoadedData) -> PolyheadModel:
    """Build the model with its tokenizer; new weights depend on torch's seed.

    Args:
        recipe: Says what to build.
        data: Its rows, for a tokenizer that is trained on them, and its completed tasks.

    Raises:
        ValueError: The backbone cannot be loaded, or a setting contradicts it.
    """
    try:
        return _build(recipe.model, data)
    except (ValueError, OSError) as error:
        raise ValueError(f"correct section model of {recipe.path}: {error}") from error


def _build(section: ModelSection, data: LoadedData) -> PolyheadModel:
    if section.from_scratch is not None:
        return _from_scratch(section, data)
    checkpoint = section.checkpoint_location()
    if checkpoint is not None:
        return load_with_tasks(checkpoint, data.tasks)
    return PolyheadModel.from_backbone(
        str(section.backbone_location()),
        tasks=data.tasks,
        pooling=section.pooling if "pooling" in section.model_fields_set else None,
        mix_last_layers=section.mix_last_layers,
        projection_dim=section.projection_dim,
        normalize=section.normalize,
        max_length=section.max_length,
        prompts=section.prompts,
        default_prompt_name=section.default_prompt_name,
    )


def _from_scratch(section: ModelSection, data: LoadedData) -> PolyheadModel:
    fields = dict(section.from_scratch or {})
    longest = int(fields.get("max_position_embeddings", 512))
    if section.tokenizer is not None:
        tokenizer = load_tokenizer(str(section.tokenizer_location()), {})
    else:
        tokenizer = train_tokenizer(_train_texts(data), section.vocab_size or DEFAULT_VOCAB_SIZE, longest)
    backbone = AutoConfig.for_model(**{**fields, "vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_token_id})
    check_backbone("from_scratch", backbone)
    config = PolyheadConfig(
        text_config=backbone,
        tasks=data.tasks,
        pooling=section.pooling,
        mix_last_layers=section.mix_last_layers,
        projection_dim=section.projection_dim,
        normalize=section.normalize is not False,
        max_length=section.max_length,
        prompts=section.prompts,
        default_prompt_name=section.default_prompt_name,
    )
    model = PolyheadModel(config)
    model.tokenizer = tokenizer
    if section.max_length is not None and section.max_length > model.longest_input:
        raise ValueError(
            f"max_length {section.max_length} is more than the {model.longest_input} tokens that it can read. Lower it, "
            "or raise max_position_embeddings."
        )
    config.max_length = section.max_length or model.longest_input
    return model


def _train_texts(data: LoadedData) -> Iterator[str]:
    for rows in data.rows["train"].values():
        for row in rows:
            if "words" in row:
                yield " ".join(row["words"])
            else:
                yield from row["text"] if isinstance(row["text"], tuple) else (row["text"],)
