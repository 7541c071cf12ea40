"""Tiny real models with random weights: no test needs the network, a mock, or more than a second for a model."""

import atexit
import os
import shutil
import tempfile
import time
from pathlib import Path

# Before anything imports huggingface_hub: no request leaves, and nobody's cache is read or written.
_HOME = tempfile.mkdtemp(prefix="polyhead-tests-")
atexit.register(shutil.rmtree, _HOME, ignore_errors=True)
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HOME"] = _HOME
os.environ["HF_MODULES_CACHE"] = str(Path(_HOME) / "modules")
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["OMP_NUM_THREADS"] = "1"  # on tensors this small, threads only wait for each other
for name in ("HF_HUB_CACHE", "HF_TOKEN", "HF_ENDPOINT"):
    os.environ.pop(name, None)

import pytest
import torch
from huggingface_hub import constants
from huggingface_hub.utils import close_session
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import AutoConfig, PreTrainedTokenizerFast

from polyhead.configuration.configuration_polyhead import PolyheadConfig
from polyhead.configuration.tasks_polyhead import TaskConfig
from polyhead.modeling.backbone_polyhead import OFFLINE_NAME, resolve_backbone
from polyhead.modeling.modeling_polyhead import PolyheadModel

from .loopback_hub import TOKEN, LoopbackHub

TINY = {
    "vocab_size": 64,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 48,
    "max_position_embeddings": 40,
    "pad_token_id": 0,
}
DISENTANGLED = {"relative_attention": True, "pos_att_type": ["p2c", "c2p"], "type_vocab_size": 0}
MODERN = {"bos_token_id": 2, "eos_token_id": 3, "cls_token_id": 2, "sep_token_id": 3, "local_attention": 8}
# The architectures that the checkpoint format promises to serve: model_type, and what differs from `TINY`.
BACKBONES = {
    "BERT": ("bert", {}),
    "RoBERTa": ("roberta", {"bos_token_id": 2, "eos_token_id": 3}),
    "XLM-R": ("xlm-roberta", {"bos_token_id": 2, "eos_token_id": 3}),
    "CamemBERT": ("camembert", {"bos_token_id": 2, "eos_token_id": 3}),
    "DistilBERT": ("distilbert", {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 48}),
    "MPNet": ("mpnet", {"bos_token_id": 2, "eos_token_id": 3}),
    "DeBERTa-v2": ("deberta-v2", DISENTANGLED),
    "ELECTRA": ("electra", {"embedding_size": 16}),
    "ALBERT": ("albert", {"embedding_size": 16, "bos_token_id": 2, "eos_token_id": 3}),
    "ModernBERT": ("modernbert", MODERN),
}
LETTERS = "abcdefghijklmnopqrstuvwxyz"
# 64 entries: five specials, every letter as a first and as a later piece, and a few marks and whole words.
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *LETTERS, *(f"##{letter}" for letter in LETTERS)]
VOCABULARY += [".", ",", "!", "'", "the", "cat", "dog"]


@pytest.fixture(autouse=True)
def seed():
    """Every test starts from the same random state."""
    torch.manual_seed(0)


@pytest.fixture(params=list(BACKBONES))
def backbone_name(request):
    """Each of the ten architectures in turn."""
    return request.param


@pytest.fixture(scope="session")
def backbone_config():
    """Return the tiny config of an architecture, by name."""

    def _backbone_config(name="BERT", **fields):
        model_type, own = BACKBONES[name]
        shared = {} if name == "DistilBERT" else TINY
        sizes = {key: TINY[key] for key in ("vocab_size", "max_position_embeddings", "pad_token_id")}
        return AutoConfig.for_model(model_type, **{**sizes, **shared, **own, **fields})

    return _backbone_config


@pytest.fixture(scope="session")
def make_tokenizer():
    """Return a fast WordPiece tokenizer over `VOCABULARY`; most words fall into several pieces."""

    def _make_tokenizer(model_max_length=40, **options):
        word_piece = models.WordPiece({word: number for number, word in enumerate(VOCABULARY)}, unk_token="[UNK]")
        backend = Tokenizer(word_piece)
        backend.normalizer = normalizers.BertNormalizer(lowercase=True)
        backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        backend.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
        )
        backend.decoder = decoders.WordPiece()
        names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
        names["mask_token"] = "[MASK]"
        return PreTrainedTokenizerFast(tokenizer_object=backend, model_max_length=model_max_length, **names, **options)

    return _make_tokenizer


@pytest.fixture
def tokenizer(make_tokenizer):
    return make_tokenizer()


@pytest.fixture(scope="session")
def all_tasks():
    """Return eight tasks: every kind, every head, every head input."""

    def _all_tasks():
        return [
            TaskConfig(
                name="topic", kind="single_label_classification", labels=["Science", "Sports", "Arts"], head="mlp"
            ),
            TaskConfig(name="toxic", kind="binary_classification", labels=["no", "yes"]),
            TaskConfig(name="tags", kind="multi_label_classification", labels=["x", "y", "z"], head_input="pooled"),
            TaskConfig(
                name="affect",
                kind="regression",
                labels=["valence", "arousal"],
                head="attention",
                target_mean=[3.0, -1.0],
                target_scale=[2.0, 0.5],
            ),
            TaskConfig(name="grade", kind="ordinal_regression", labels=["low", "mid", "high"], head_input="normalized"),
            TaskConfig(
                name="slots", kind="token_classification", labels=["O", "B-pet", "I-pet", "B-toy", "I-toy"], head="mlp"
            ),
            TaskConfig(name="closeness", kind="pair_similarity", value_range=[0, 5]),
            TaskConfig(name="entails", kind="pair_classification", labels=["yes", "no"], head="attention"),
        ]

    return _all_tasks


@pytest.fixture(scope="session")
def make_model(backbone_config, make_tokenizer):
    """Return a tiny model in evaluation mode; its weights are large, so that a leak or a swap shows in the answers."""

    def _make_model(tasks=(), backbone="BERT", model_class=PolyheadModel, **settings):
        torch.manual_seed(0)  # two models of one config have the same weights
        text_config = backbone if not isinstance(backbone, str) else backbone_config(backbone)
        model = model_class(PolyheadConfig(text_config=text_config, tasks=list(tasks), **settings))
        model.tokenizer = make_tokenizer()
        spread_weights(model)
        return model.eval()

    return _make_model


@pytest.fixture
def tiny_model(make_model, all_tasks):
    """One BERT with all eight kinds of task and all three kinds of head."""
    return make_model(all_tasks())


@pytest.fixture(scope="session")
def minilm_folder():
    """The folder of the real all-MiniLM-L6-v2, which the `test` extra brings."""
    return Path(resolve_backbone(OFFLINE_NAME))


@pytest.fixture
def hub():
    """A Hub without repositories."""
    loopback = LoopbackHub()
    yield loopback
    loopback.close()


@pytest.fixture
def client(hub, monkeypatch):
    """Turn this process's client to the Hub; returns the seconds that it waits between its attempts, none really."""
    waited = []
    for name, value in {"ENDPOINT": hub.address, "HF_HUB_OFFLINE": False, "HF_HUB_DISABLE_XET": True}.items():
        monkeypatch.setattr(constants, name, value)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr(time, "sleep", waited.append)
    yield waited
    close_session()  # else the next test would meet connections to a Hub that is gone


def spread_weights(model):
    """Move every weight off its start by a random number of a trained model's size."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.1)
