"""`polyhead export`: new folders, their sizes, and what is refused."""

import sys

from sentence_transformers import SentenceTransformer

from polyhead import OnnxPolyhead


def test_onnx_is_exported_and_answers(polyhead, all_kinds, tmp_path):
    result = polyhead("export", "onnx", all_kinds, tmp_path / "out", "--int8")
    assert result.exit_code == 0, result.output
    assert result.stdout.replace("\n", "").startswith(f"model: {tmp_path / 'out'} (")
    assert set(OnnxPolyhead.from_pretrained(tmp_path / "out").predict("a cat")) >= {"topic", "slots"}


def test_the_encoder_is_exported(polyhead, all_kinds, tmp_path):
    result = polyhead("export", "encoder", all_kinds, tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert SentenceTransformer(str(tmp_path / "out"), device="cpu").encode(["a cat"]).shape == (1, 32)


def test_mistakes_end_with_exit_code_2_and_what_to_do(polyhead, all_kinds, tmp_path, monkeypatch):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    for kind in ("onnx", "encoder"):
        full = polyhead("export", kind, all_kinds, tmp_path / "full")
        nothing = polyhead("export", kind, tmp_path / "full", tmp_path / "out")
        assert (full.exit_code, nothing.exit_code) == (2, 2)
        assert "is not empty. Name a new one, or remove it first." in full.stderr
        assert "there is no config.json in this folder" in nothing.stderr
    monkeypatch.setitem(sys.modules, "onnx", None)  # as if it were not installed
    missing = polyhead("export", "onnx", all_kinds, tmp_path / "out")
    assert (missing.exit_code, missing.stderr) == (
        2,
        "error: exporting to ONNX needs onnx: pip install 'polyhead[onnx]'.\n",
    )
