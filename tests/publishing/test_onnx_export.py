import logging
import sys

import numpy as np
import onnx
import pytest
import torch

from polyhead import OnnxPolyhead
from polyhead.modeling.modeling_polyhead import PolyheadModel
from polyhead.publishing import onnx_export
from polyhead.publishing.onnx_export import export_onnx

TEXTS = ["the cat", "a dog ran far, far away!", "b"]


def test_the_model_stays_as_it_is(make_model, all_tasks, tmp_path):
    model = make_model(all_tasks()).bfloat16().train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    export_onnx(model, tmp_path / "out")
    assert model.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert {tensor.dtype for tensor in model.parameters()} == {torch.bfloat16}
    found = OnnxPolyhead.from_pretrained(tmp_path / "out").encode(TEXTS)
    np.testing.assert_allclose(found, model.float().encode(TEXTS), atol=1e-5)  # computed in float32


def test_a_graph_that_answers_otherwise_is_refused(make_model, all_tasks, tmp_path):
    model = make_model(all_tasks())
    export_onnx(model, tmp_path / "out")
    exported = OnnxPolyhead.from_pretrained(tmp_path / "out")
    with torch.no_grad():
        model.polyhead.heads["slots"].output.bias[0] += 0.1
    with pytest.raises(RuntimeError, match=r"answers otherwise than the model: task 'slots' differs by 0\.1\."):
        onnx_export._compare(model, exported)


@pytest.mark.parametrize("existing", ["file", "folder"])
def test_nothing_is_overwritten(make_model, tmp_path, existing):
    (tmp_path / "out").mkdir() if existing == "folder" else (tmp_path / "out").write_text("mine")
    if existing == "folder":
        (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(ValueError, match=r"output folder .* Name a new one, or remove it first"):
        export_onnx(make_model(), tmp_path / "out")


def test_an_export_that_fails_leaves_nothing_behind(make_model, tmp_path):
    model = make_model()
    model.tokenizer = None
    with pytest.raises(ValueError, match="this model has no tokenizer"):
        export_onnx(model, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_an_empty_folder_is_filled(make_model, tmp_path):
    (tmp_path / "out").mkdir()
    export_onnx(make_model(), tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("package", ["onnx", "onnxruntime"])
def test_a_package_that_is_missing_is_named_with_the_extra_that_brings_it(make_model, tmp_path, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)  # as if it were not installed
    with pytest.raises(ImportError, match=rf"exporting to ONNX needs {package}: pip install 'polyhead\[onnx\]'"):
        export_onnx(make_model(), tmp_path / "out")


def test_eight_bits_are_a_fraction_of_the_size_and_hardly_move_the_embeddings(make_model, all_tasks, tmp_path, caplog):
    model = make_model(all_tasks())
    export_onnx(model, tmp_path / "out", int8=True)
    assert [path.name for path in sorted((tmp_path / "out").iterdir())] == [
        "model.onnx",
        "polyhead.json",
        "tokenizer.json",
    ]
    nodes = onnx.load(str(tmp_path / "out" / "model.onnx")).graph.node
    in_8_bits = [node.name for node in nodes if node.op_type == "MatMulInteger"]
    assert len(in_8_bits) == 2 * 6  # two layers, each with six matrices of weights
    assert [name for name in in_8_bits if not name.startswith("/backbone/")] == []  # heads: float32
    exported = OnnxPolyhead.from_pretrained(tmp_path / "out")
    found, expected = exported.encode(TEXTS), model.encode(TEXTS)
    assert 0.99 < (found * expected).sum(1).min() < 1 - 1e-6  # near, but not equal: it was quantised
    assert [sorted(row) for row in exported.predict(TEXTS)["topic"]] == [["label", "score", "scores"]] * 3
    assert caplog.records == []


def test_the_log_of_the_process_is_left_as_it_was(make_model, tmp_path, monkeypatch):
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    export_onnx(make_model(), tmp_path / "out", int8=True)
    assert logging.getLogger().handlers == []


@pytest.mark.slow  # half a minute for the real model
def test_the_real_minilm_in_eight_bits_is_a_quarter_of_its_size(minilm_folder, tmp_path):
    model = PolyheadModel.from_backbone(str(minilm_folder))
    for name, int8 in (("float", False), ("int8", True)):
        export_onnx(model, tmp_path / name, int8=int8)
    sizes = [(tmp_path / name / "model.onnx").stat().st_size for name in ("float", "int8")]
    assert sizes[1] < 0.27 * sizes[0]
    expected = model.encode(TEXTS)
    np.testing.assert_allclose(OnnxPolyhead.from_pretrained(tmp_path / "float").encode(TEXTS), expected, atol=1e-5)
    assert (OnnxPolyhead.from_pretrained(tmp_path / "int8").encode(TEXTS) * expected).sum(1).min() > 0.95
