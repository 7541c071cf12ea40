"""Read checkpoints in a process of its own: `read_checkpoints.py trusted|plain FOLDER...`; prints one JSON object a folder.

Each folder has `reference.safetensors` beside it: inputs, and what the saving process made of them.
"""

import hashlib
import json
import sys
from pathlib import Path

sys.modules["polyhead"] = None  # whoever imports it fails

import torch
from safetensors.torch import load_file
from transformers import AutoModel, AutoModelForSequenceClassification, AutoTokenizer, logging

logging.set_verbosity_error()
logging.disable_progress_bar()

TEXTS = ["the cat sat on a mat", "a dog, far away!"]


def checksums(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def differing(first, second):
    return sorted(key for key in first.keys() | second.keys() if first.get(key) != second.get(key))


def read_trusted(folder, reference):
    model = AutoModel.from_pretrained(folder, trust_remote_code=True)
    with torch.no_grad():
        output = model(**{name[6:]: value for name, value in reference.items() if name.startswith("input.")})
    found = {"sentence_embedding": output.sentence_embedding, **{f"logits.{k}": v for k, v in output.logits.items()}}
    found["encoded"] = model.encode(TEXTS, to="torch")
    expected = {name: value for name, value in reference.items() if name in found or name.startswith("logits.")}
    saved = folder.parent / f"{folder.name}-again"
    model.save_pretrained(saved)
    return {
        "class": type(model).__name__,
        "unequal": [name for name in expected if not torch.equal(found[name], expected[name])],
        "compared": len(expected),
        "resaved": differing(checksums(folder), checksums(saved)),
    }


def read_plain(folder, reference):
    model, info = AutoModel.from_pretrained(folder, output_loading_info=True)
    inputs = {name[6:]: value for name, value in reference.items() if name.startswith("input.") and "pair" not in name}
    with torch.no_grad():
        states = model(**inputs).last_hidden_state
    stored = load_file(folder / "model.safetensors")
    weights = model.state_dict()
    return {
        "class": type(model).__name__,
        "tokens": AutoTokenizer.from_pretrained(folder)(TEXTS)["input_ids"],
        "missing": sorted(info["missing_keys"]),
        "unexpected": sorted(info["unexpected_keys"]),
        "unequal": [name for name, value in weights.items() if name in stored and not torch.equal(stored[name], value)],
        "states_equal": torch.equal(states, reference["last_hidden_state"]),
        "classifier_labels": AutoModelForSequenceClassification.from_pretrained(folder).config.id2label.get(0),
    }


if __name__ == "__main__":
    reader = {"trusted": read_trusted, "plain": read_plain}[sys.argv[1]]
    for argument in sys.argv[2:]:
        path = Path(argument)
        found = reader(path, load_file(path.parent / f"{path.name}.safetensors"))
        print(json.dumps({"name": path.name, **found}))  # noqa: T201 - the answer
