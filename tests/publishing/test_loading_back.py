"""What was pushed loads again in a process without the package, pinned to its commit, and then without a connection."""

import json
import subprocess
import sys

import numpy as np
import pytest

from polyhead.modeling.modeling_polyhead import PolyheadModel
from polyhead.modeling.upload_polyhead import upload
from polyhead.publishing.push import push_folder

TEXTS = ["the cat sat on a mat", "a dog, far away!"]
READ = """
import json, sys
sys.modules["polyhead"] = None  # whoever imports it fails
from transformers import AutoModel
revision, texts = sys.argv[1], json.loads(sys.argv[2])
model = AutoModel.from_pretrained("me/model", trust_remote_code=True, revision=revision)
answers = model.predict(texts, include_embeddings=True)
print(json.dumps({**answers, "embeddings": answers["embeddings"].tolist()}))
"""

READ_ONNX = """
import json, sys
from polyhead import OnnxPolyhead
model = OnnxPolyhead.from_pretrained("me/model", revision=sys.argv[1])
print(json.dumps(model.encode(json.loads(sys.argv[2])).tolist()))
assert "torch" not in sys.modules
"""


@pytest.fixture
def read(hub, tmp_path):
    """Return what a new process without the package reads at a revision, as the model in memory would say it."""

    def _read(revision, code=READ, **more):
        command = [sys.executable, "-c", code, revision, json.dumps(TEXTS)]
        done = subprocess.run(command, env=hub.environment(tmp_path / "home", **more), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return _read


def test_a_pushed_model_answers_the_same_pinned_and_then_offline(read, client, saved, hub):
    pinned = upload(saved, "me/model", private=True).oid
    model = PolyheadModel.from_pretrained(saved)
    answers = model.predict(TEXTS, include_embeddings=True)
    expected = json.loads(json.dumps({**answers, "embeddings": answers["embeddings"].tolist()}))
    model.config.task("topic").labels[:] = ["Kitchen", "Garden"]  # a later commit must not reach whoever has pinned
    model.push_to_hub("me/model", private=True)

    assert read(pinned) == expected
    assert hub.count("resolve") > 0
    hub.requests.clear()
    assert read(pinned, HF_HUB_OFFLINE="1") == expected
    assert hub.requests == []


def test_a_model_pushed_with_onnx_loads_by_its_name_without_torch_and_then_offline(read, client, saved, hub, tmp_path):
    pinned = push_folder(saved, "me/model", private=True, onnx=True).oid
    expected = PolyheadModel.from_pretrained(saved).encode(TEXTS)
    assert np.abs(read(pinned, READ_ONNX) - expected).max() < 1e-5
    fetched = {path.name for path in (tmp_path / "home").rglob("*")}
    assert "model.onnx" in fetched
    assert "model.safetensors" not in fetched
    hub.requests.clear()
    assert np.abs(read(pinned, READ_ONNX, HF_HUB_OFFLINE="1") - expected).max() < 1e-5
    assert hub.requests == []
