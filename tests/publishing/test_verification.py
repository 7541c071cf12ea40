"""`polyhead verify`: whatever was changed after saving is named."""

import json
import shutil

import pytest
from safetensors.torch import load_file, save_file

from polyhead.configuration.tasks_polyhead import TaskConfig
from polyhead.modeling.manifest_polyhead import update_manifest, write_model_manifest
from polyhead.modeling.modeling_polyhead import PolyheadModel
from polyhead.publishing.stored_scores import store_scores
from polyhead.publishing.verification import verify_folder


def problems(folder):
    return verify_folder(folder).problems


def change(folder, name, **fields):
    """Change fields of a JSON file and make the manifest agree, as whoever means harm would."""
    content = json.loads((folder / name).read_text(encoding="utf-8"))
    (folder / name).write_text(json.dumps({**content, **fields}), encoding="utf-8")
    write_model_manifest(folder)


def test_a_saved_model_verifies(saved, polyhead):
    result = polyhead("verify", saved)
    assert result.exit_code == 0, result.output
    assert [line.split(":")[0] for line in result.stdout.splitlines()] == ["pickles", "manifest", "code", "answers"]
    told = json.loads(polyhead("verify", saved, "--json").stdout)
    assert (told["verified"], told["problems"], len(told["checks"])) == (True, [], 4)


def test_every_kind_of_task_verifies(make_model, all_tasks, tmp_path):
    make_model(all_tasks(), projection_dim=8, prompts={"q": "the: "}, default_prompt_name="q").save_pretrained(tmp_path)
    found = verify_folder(tmp_path)
    assert found.problems == []
    assert len(found.checks) == 4


def test_half_precision_verifies(make_model, tmp_path):
    make_model(
        [TaskConfig(name="toxic", kind="binary_classification", labels=["no", "yes"])]
    ).bfloat16().save_pretrained(tmp_path)
    assert problems(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "damage", "told"),
    [
        ("model.safetensors", "flip", "model.safetensors is damaged: its checksum is wrong"),
        ("tokenizer.json", "cut", "tokenizer.json is cut"),
        ("1_Pooling/config.json", "remove", "1_Pooling/config.json is missing"),
        ("config.json", "append", "config.json is longer than it was"),
        ("manifest.json", "remove", "manifest.json is missing"),
        ("manifest.json", "cut", "manifest.json is damaged"),
    ],
)
def test_damage_to_a_file_is_named(saved, name, damage, told):
    path = saved / name
    content = path.read_bytes()
    changed = {"flip": content[:-1] + bytes([content[-1] ^ 1]), "cut": content[:-9], "append": content + b" "}
    path.unlink()
    if damage != "remove":
        path.write_bytes(changed[damage])
    assert [line for line in problems(saved) if line.startswith(told)]


def test_what_was_added_and_libraries_would_read_is_named(saved):
    (saved / "adapter_config.json").write_text("{}")
    (saved / "README.md").write_text("# Mine\n")
    (saved / "picture.png").write_bytes(b"png")
    assert problems(saved) == ["adapter_config.json is not in manifest.json: it was added after saving; remove it"]


def test_code_that_is_not_ours_is_named_though_the_manifest_agrees(saved):
    with (saved / "modeling_polyhead.py").open("a") as file:
        file.write("print('evil')\n")
    (saved / "extra.py").write_text("print('evil')\n")
    write_model_manifest(saved)
    found = problems(saved)
    assert found[0] == "extra.py is no code of polyhead's; remove it"
    assert found[1].startswith("modeling_polyhead.py is not the code of the polyhead that is installed")
    assert len(found) == 2


@pytest.mark.parametrize("name", ["optimizer.pt", "pytorch_model.bin", "labels.json"])
def test_a_pickle_is_named(saved, name):
    (saved / name).write_bytes(b"\x80\x04K\x01.")
    assert f"{name} is a pickle, and loading one runs code; remove it" in problems(saved)


def test_pickles_of_running_checkpoints_are_no_part_of_the_model(saved):
    (saved / "checkpoint-3").mkdir()
    (saved / "checkpoint-3" / "optimizer.pt").write_bytes(b"\x80\x04K\x01.")
    assert problems(saved) == []


def test_other_weights_are_found_by_their_answers_though_the_manifest_agrees(saved):
    weights = load_file(saved / "model.safetensors")
    weights["polyhead.heads.topic.output.bias"][0] += 1e-3
    save_file(weights, saved / "model.safetensors", metadata={"format": "pt"})
    write_model_manifest(saved)
    found = problems(saved)
    assert found[0].startswith("golden.json: answers.topic[0].score was ")
    assert all("answers.topic" in line or "more values differ" in line for line in found)


def test_other_labels_are_found_by_their_answers(saved):
    block = json.loads((saved / "config.json").read_text())["polyhead"]
    block["tasks"][0]["labels"] = ["Sports", "Science"]
    change(saved, "config.json", polyhead=block)
    assert any("golden.json: answers.topic[0].label was " in line for line in problems(saved))


def test_a_golden_file_of_nonsense_is_a_problem_and_no_traceback(saved):
    for content in ("[]", '{"texts": 3}', "[" * 100_000, "nothing"):
        (saved / "golden.json").write_text(content)
        write_model_manifest(saved)
        assert problems(saved)


def test_a_manifest_that_names_files_elsewhere_is_damaged(saved):
    for files in ({"../secret": {"size": 1, "sha256": ""}}, {"/etc/passwd": {"size": 1, "sha256": ""}}, [], {"a": 1}):
        (saved / "manifest.json").write_text(json.dumps(signed({"files": files})))
        assert any(line.startswith("manifest.json is damaged: it does not list files") for line in problems(saved))


def signed(content):
    from polyhead.modeling import manifest_polyhead

    return {**content, "sha256": manifest_polyhead._own_sha256(content)}


def test_scores_stored_later_keep_a_model_verified_but_hide_no_damage(saved):
    row = {"task": "topic", "dataset": "d", "split": "test", "metric": "accuracy", "value": 0.5}
    store_scores(saved, [row])
    assert problems(saved) == []
    (saved / "tokenizer_config.json").write_text("{}")
    store_scores(saved, [row])
    assert any(line.startswith("tokenizer_config.json is cut") for line in problems(saved))
    update_manifest(saved, ["tokenizer_config.json"])
    assert not any(line.startswith("tokenizer_config.json") for line in problems(saved))


def test_a_model_without_a_tokenizer_has_no_golden_file_and_still_verifies(saved, tmp_path):
    model = PolyheadModel.from_pretrained(saved)
    bare = type(model)(model.config)
    bare.save_pretrained(tmp_path / "bare")
    found = verify_folder(tmp_path / "bare")
    assert found.problems == []
    assert found.checks[-1] == "answers: not compared, because there is no golden.json"


def test_weights_given_from_outside_leave_no_golden_file_of_the_models_own(saved):
    model = PolyheadModel.from_pretrained(saved)
    model.save_pretrained(saved, state_dict={name: 2 * value for name, value in model.state_dict().items()})
    assert not (saved / "golden.json").exists()
    assert problems(saved) == []


def test_what_is_no_model_is_told_with_exit_code_2(polyhead, tmp_path, saved):
    (tmp_path / "empty").mkdir()
    for folder, told in ((tmp_path / "nowhere", "is no folder"), (tmp_path / "empty", "holds no config.json")):
        result = polyhead("verify", folder)
        assert (result.exit_code, told in result.stderr) == (2, True)
    shutil.rmtree(saved / "1_Pooling")
    result = polyhead("verify", saved)
    assert result.exit_code == 2
    assert "problem: 1_Pooling/config.json is missing" in result.stderr


def test_a_model_of_another_version_is_told_in_two_lines(saved):
    files = sorted(saved.glob("*_polyhead.py"))
    for path in files[:7]:
        path.write_text("# another version\n")
    for path in files[-2:]:
        path.unlink()
    write_model_manifest(saved)
    missing, other = problems(saved)
    assert missing.startswith(f"{files[-2].name}, {files[-1].name} are missing")
    assert other.startswith(", ".join(path.name for path in files[:5]) + " and 2 more are not the code")
    assert all("from_pretrained(folder).save_pretrained(folder)" in problem for problem in (missing, other))
