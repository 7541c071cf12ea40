"""Toy rows that a tiny model can learn, and trainers for them."""

import pytest
import torch
from transformers import set_seed

from polyhead.configuration.configuration_polyhead import PolyheadConfig
from polyhead.configuration.tasks_polyhead import TaskConfig
from polyhead.modeling.modeling_polyhead import PolyheadModel
from polyhead.training.arguments import PolyheadTrainingArguments
from polyhead.training.data.examples import MultiTaskDataset
from polyhead.training.trainer import PolyheadTrainer

PET = TaskConfig(name="pet", kind="single_label_classification", labels=["cat", "dog", "none"])
LOUD = TaskConfig(name="loud", kind="binary_classification", labels=["no", "yes"])
COUNT = TaskConfig(name="count", kind="regression", target_mean=[2.0], target_scale=[1.5])
SLOTS = TaskConfig(name="slots", kind="token_classification", labels=["O", "B-pet", "I-pet"])
SAME = TaskConfig(name="same", kind="pair_classification", labels=["no", "yes"])


@pytest.fixture(scope="session")
def new_model(backbone_config, make_tokenizer):
    """Return a fresh tiny model; the seed decides its weights."""

    def _new_model(*tasks, backbone="BERT", seed=0, dropout=0.0, num_layers=None, **settings):
        set_seed(seed)
        config = backbone_config(backbone)
        config.num_hidden_layers = num_layers or config.num_hidden_layers
        # By attribute: each architecture has other names for its dropouts.
        for name in [name for name in vars(config) if "dropout" in name and name != "classifier_dropout"]:
            setattr(config, name, dropout)
        for task in tasks:
            task.head_dropout = dropout
        model = PolyheadModel(PolyheadConfig(text_config=config, tasks=list(tasks), **settings))
        model.tokenizer = make_tokenizer()
        return model

    return _new_model


@pytest.fixture
def arguments(tmp_path):
    """Return arguments for a quiet run; the last word has who calls."""

    def _arguments(**fields):
        quiet = {"disable_tqdm": True, "use_cpu": True, "save_strategy": "no", "eval_strategy": "no"}
        fields = {"output_dir": str(tmp_path / "run"), **quiet, "load_best_model_at_end": False, **fields}
        return PolyheadTrainingArguments(**fields)

    return _arguments


@pytest.fixture
def trainer_for(arguments):
    """Return a trainer for rows, one list or one a data set."""

    def _trainer_for(model, rows, validation=None, callbacks=None, **fields):
        datasets = {"train_dataset": as_dataset(model, rows)}
        if validation is not None:
            datasets["eval_dataset"] = as_dataset(model, validation)
        return PolyheadTrainer(model, arguments(**fields), callbacks=callbacks, **datasets)

    return _trainer_for


def as_dataset(model, rows):
    rows = rows if isinstance(rows, dict) else {"toy": rows}
    return MultiTaskDataset(rows, model.config.tasks, model.tokenizer, model.max_length)


def row(text, number=1, **labels):
    key = "words" if isinstance(text, list) else "text"
    return {key: text, "labels": labels, "where": f"toy.jsonl:{number}"}


def weights(model):
    return {name: parameter.detach().clone() for name, parameter in model.named_parameters()}


def moved(before, after):
    """Names of the weights that are not bit-equal."""
    return {name for name in before if not torch.equal(before[name], after[name])}
