"""The commands on tiny models: what they print and what they leave behind."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from polyhead.modeling.modeling_polyhead import PolyheadModel
from polyhead.tables import visible

ROOT = Path(__file__).parent.parent.parent


def lines_of(result):
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture
def copy(trained, tmp_path):
    """The trained model in a folder that a test may change."""
    return shutil.copytree(trained, tmp_path / "copy", ignore=shutil.ignore_patterns("checkpoint-*"))


def test_train_prints_a_line_an_evaluation_a_score_a_task_and_the_path_of_the_model(polyhead, folder):
    result = polyhead("train", "recipe.yaml", "--output", "out", "--set", "train.num_train_epochs=1")

    assert result.exit_code == 0, result.output
    table, _, last = result.stdout.rstrip().rpartition("\n")
    assert re.search(r"topic +│ single label classification │ accuracy │ +\d\.\d{4}", table)
    assert re.search(r"mood +│ regression +│ pearson +│ +-?\d\.\d{4}", table)
    assert last == "model: out"
    assert re.findall(r"epoch .*score", result.stderr)[0].startswith("epoch 1  validation loss ")
    assert "eval_" not in result.output
    assert "Writing model shards" not in result.stderr
    assert PolyheadModel.from_pretrained("out").config.results[0]["task"] == "topic"


def test_calibrate_for_a_coverage_lets_predict_withhold_answers(polyhead, folder, copy):
    line = Path("train.jsonl").read_text()
    Path("train.jsonl").write_text(line * 60)
    command = ("calibrate", copy, "recipe.yaml", "--tasks", "topic", "--split", "train")
    table = polyhead(*command, "--coverage", "0.9").stdout
    assert re.search(r"topic +│ +0\.\d{3} │ +[\d.e-]+ │ +\d+\.\d% │ +\d+\.\d% │ +\d+\.\d%", table), table
    [told] = lines_of(polyhead(*command, "--coverage", "0.5", "--json"))[0]["tasks"]
    assert told["min_confidence"] == PolyheadModel.from_pretrained(copy).config.task("topic").min_confidence
    config = json.loads((copy / "config.json").read_text())
    config["polyhead"]["tasks"][0] |= {"min_confidence": 1.0, "max_out_of_scope": 1000.0}
    (copy / "config.json").write_text(json.dumps(config))
    arguments = ("predict", copy, "hello", "--tasks", "topic", "--abstain")
    [answer] = lines_of(polyhead(*arguments, "--json"))
    assert (answer["answers"]["topic"]["label"], answer["answers"]["topic"]["reason"]) == (None, "low confidence")
    assert "(low confidence)" in polyhead(*arguments).stdout


def test_a_precision_that_other_rows_do_not_reach_is_told(polyhead, folder, copy):
    label = PolyheadModel.from_pretrained(copy).predict("hello")["topic"]["label"]
    wrong = next(name for name in ("science", "sport") if name != label)
    rows = [
        {"text": "hello", "topic": label, "mood": 1.0},
        {"text": "hello", "topic": wrong, "mood": 1.0},
    ]  # fitted, told
    Path("train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows * 40))
    command = ("calibrate", copy, "recipe.yaml", "--tasks", "topic", "--split", "train")
    result = polyhead(*command, "--precision", "0.95")
    assert result.exit_code == 0, result.output
    assert "note: topic: 0.0% of its answers to rows that were not fitted on are right, not 95.0%;" in result.stderr
    Path("train.jsonl").write_text("".join(json.dumps(rows[0]) + "\n" for _ in range(79)) + json.dumps(rows[1]))
    assert "note: topic" not in polyhead(*command, "--precision", "0.95").stderr


def test_calibrating_without_a_target_tells_which_tasks_no_longer_withhold_answers(polyhead, folder, copy):
    Path("train.jsonl").write_text(Path("train.jsonl").read_text() * 60)
    command = ("calibrate", copy, "recipe.yaml", "--tasks", "topic", "--split", "train")
    told = "note: topic: no thresholds for withholding answers any more, as neither --coverage nor --precision came"
    assert told not in polyhead(*command).stderr
    assert told not in polyhead(*command, "--coverage", "0.9").stderr
    assert told not in polyhead(*command, "--coverage", "0.8").stderr
    assert told in polyhead(*command).stderr


def test_training_without_validation_says_that_nothing_was_measured(polyhead, folder):
    options = ["--set", "data.tiny.validation=null", "--set", "train.num_train_epochs=1"]
    result = polyhead("train", "recipe.yaml", "--output", "out", *options)
    assert result.exit_code == 0, result.output
    left = "run: out/run (metrics, recipe, versions, 3 pictures)"  # losses, rates and shares
    assert result.stdout == f"no scores: the recipe has no validation split\n{left}\nmodel: out\n"


def test_csv_with_na_is_trained_on_and_answered_as_it_stands(polyhead, folder):
    Path("train.csv").write_text("text,topic,mood\n" + "NA,None,1\nnull,01,2\n" * 4)
    recipe = (
        Path("recipe.yaml").read_text().replace("train.jsonl", "train.csv").replace(", labels: [science, sport]}", "}")
    )
    Path("recipe.yaml").write_text(recipe)
    assert polyhead("train", "recipe.yaml", "--output", "out").exit_code == 0
    first, *_ = lines_of(polyhead("predict", "out", "--file", "train.csv", "--tasks", "topic", "--json"))
    assert first["text"] == "NA"
    assert list(first["answers"]["topic"]["scores"]) == ["01", "None"]


def test_resume_goes_on_from_the_newest_checkpoint(polyhead, folder):
    options = ["recipe.yaml", "--output", "out", "--set", "train.keep_checkpoints=true"]
    assert polyhead("train", *options).exit_code == 0
    shutil.rmtree("out/checkpoint-4")
    result = polyhead("train", *options, "--resume")
    assert result.exit_code == 0, result.output
    assert Path("out/checkpoint-4").is_dir()
    assert "epoch 1  " not in result.stderr
    assert "epoch 2  " in result.stderr


def test_evaluate_gives_all_metrics_and_only_of_the_tasks_named(polyhead, folder, trained):
    (result,) = lines_of(polyhead("evaluate", trained, "recipe.yaml", "--split", "train", "--tasks", "topic", "--json"))
    assert result["model"] == str(trained)
    assert result["split"] == "train"
    assert list(result["scores"]) == ["topic"]
    assert set(result["scores"]["topic"]) == {"loss", "accuracy", "f1_macro", "f1_micro", "mcc"}


def test_saved_scores_replace_those_of_the_same_split_and_show_on_the_card(polyhead, folder, copy):
    rows = Path("train.jsonl").read_text().splitlines()
    Path("test.jsonl").write_text("\n".join(rows[:4]))
    recipe = Path("recipe.yaml").read_text().replace("text: text", "test: test.jsonl, text: text")
    Path("recipe.yaml").write_text(recipe)
    before = PolyheadModel.from_pretrained(copy).config

    for _ in range(2):
        result = polyhead("evaluate", copy, "recipe.yaml", "--split", "test", "--tasks", "topic", "--save")
        assert result.exit_code == 0, result.output

    after = PolyheadModel.from_pretrained(copy).config
    value = next(row["value"] for row in after.results if row["split"] == "test")
    new = {"task": "topic", "dataset": "tiny", "split": "test", "metric": "accuracy", "value": value}
    assert after.results == [*before.results, new]
    assert f"| `topic` | tiny | test | accuracy | {value:.4f} |" in (copy / "README.md").read_text()
    assert set(after.speed) == {"texts_per_second", "tokens_per_text", "device", "threads", "dtype"}
    assert after.speed["texts_per_second"] > 0
    after.results, after.speed = before.results, None
    assert after == before
    assert not list(copy.glob(".*"))


def test_a_model_of_one_task_is_measured_on_the_same_rows_and_kept_beside_the_score(polyhead, folder, copy):
    assert polyhead("heads", "drop", copy, "mood", "--output", "alone").exit_code == 0
    options = ("evaluate", copy, "recipe.yaml", "--split", "train", "--against", "alone")
    (told,) = lines_of(polyhead(*options, "--json"))
    assert told["alone"] == {"topic": told["scores"]["topic"]["accuracy"]}
    result = polyhead(*options, "--save")
    value = f"{told['alone']['topic']:.4f}"
    assert f"topic, accuracy: {value} here, {value} alone" in result.stdout
    rows = {row["task"]: row for row in PolyheadModel.from_pretrained(copy).config.results if row["split"] == "train"}
    assert rows["topic"]["single_task"] == rows["topic"]["value"] == told["alone"]["topic"]
    assert "single_task" not in rows["mood"]

    result = polyhead("evaluate", copy, "recipe.yaml", "--split", "train", "--against", copy)
    assert result.exit_code == 2
    assert f"'{copy}' has tasks ['topic', 'mood']; to compare with, name models that have one task" in result.stderr


def test_predict_gives_programs_the_answers_of_the_model(polyhead, trained):
    first, second = lines_of(polyhead("predict", trained, "a goal", "an atom", "--json"))
    answers = PolyheadModel.from_pretrained(trained).predict(["a goal", "an atom"])
    assert first == {"text": "a goal", "answers": {"topic": answers["topic"][0], "mood": answers["mood"][0]}}
    assert second["answers"]["mood"] == answers["mood"][1]


def test_predict_shows_people_a_column_a_task(polyhead, all_kinds):
    result = polyhead("predict", all_kinds, "the cat", "--tasks", "topic,tags,affect,grade")
    assert result.exit_code == 0, result.output
    assert re.search("text .* topic .* tags .* affect .* grade", result.stdout)
    answers = PolyheadModel.from_pretrained(all_kinds).predict("the cat")
    assert f"{answers['affect']['values']['valence']:.3f}" in result.stdout
    assert f"{answers['topic']['label']} {answers['topic']['score']:.2f}" in result.stdout


def test_predict_shows_people_entities_and_nothing_that_moves_the_cursor(polyhead, all_kinds):
    text = "the cat, a dog\x1b[31m"
    shown = polyhead("predict", all_kinds, text, "--tasks", "slots").stdout
    entities = PolyheadModel.from_pretrained(all_kinds).predict(text)["slots"]["entities"]
    assert entities
    assert all(f"[{visible(entity['text'])}] {entity['label']}" in shown for entity in entities)
    assert "the cat, a dog\ufffd[31m" in shown
    assert "\x1b" not in shown


def test_pairs_come_two_by_two_or_from_two_columns(polyhead, folder, all_kinds):
    Path("pairs.csv").write_text("one,other\nthe cat,the dog\n")
    given = lines_of(polyhead("predict", all_kinds, "--pair", "the cat", "the dog", "a", "b", "--json"))
    read = lines_of(
        polyhead("predict", all_kinds, "--file", "pairs.csv", "--column", "one", "--column", "other", "--json")
    )
    assert [line["text"] for line in given] == [["the cat", "the dog"], ["a", "b"]]
    assert list(given[0]["answers"]) == ["closeness", "entails"]
    assert read[0]["text"] == given[0]["text"]
    assert read[0]["answers"]["closeness"]["value"] == pytest.approx(
        given[0]["answers"]["closeness"]["value"], abs=1e-6
    )


def test_flagged_texts_are_marked_and_the_others_answered(polyhead, trained):
    good, bad = lines_of(polyhead("predict", trained, "a goal", " ", "--on-bad", "flag", "--tasks", "topic", "--json"))
    assert good["answers"]["topic"]["label"] in ("science", "sport")
    assert bad == {"text": " ", "answers": {"topic": {"error": "is empty or blank"}}}
    good, bad = lines_of(polyhead("encode", trained, "a goal", " ", "--on-bad", "flag", "--json"))
    assert len(good["embedding"]) == 16
    assert bad == {"text": " ", "embedding": None}


def test_encode_prints_and_writes_the_same_numbers(polyhead, folder, trained):
    expected = PolyheadModel.from_pretrained(trained).encode(["a goal", "an atom"], prompt_name="query", truncate_dim=4)
    options = [trained, "a goal", "an atom", "--prompt-name", "query", "--truncate-dim", "4"]

    printed = lines_of(polyhead("encode", *options, "--json"))
    shown = polyhead("encode", *options).stdout
    for file in ("e.npy", "e.jsonl"):
        assert polyhead("encode", *options, "--output", file).stdout.startswith(
            f"embeddings: {file} (2 texts, 4 numbers"
        )

    np.testing.assert_array_equal(np.load("e.npy"), expected)
    assert np.load("e.npy").dtype == np.float32
    assert [json.loads(line) for line in Path("e.jsonl").read_text().splitlines()] == printed
    assert [line["embedding"] for line in printed] == expected.tolist()
    assert re.search(rf"a goal +│ +4 │ {re.escape(f'{expected[0][0]:+.3f}')} .*1\.0000", shown)
    assert not list(folder.glob(".*"))


def test_encode_takes_a_backbone_that_is_no_polyhead_checkpoint(polyhead, make_model, tmp_path):
    model = make_model(normalize=True)
    model.backbone.save_pretrained(tmp_path)
    model.tokenizer.save_pretrained(tmp_path)
    (line,) = lines_of(polyhead("encode", tmp_path, "the cat", "--json"))
    np.testing.assert_allclose(line["embedding"], model.encode("the cat"), atol=1e-6)


def test_env_names_versions_and_hardware(polyhead):
    (facts,) = lines_of(polyhead("env", "--json"))
    assert {"polyhead", "python", "torch", "transformers", "processor", "accelerator", "offline backbone"} <= set(facts)
    assert polyhead("env").stdout.startswith("polyhead ")


def test_checkpoint_answers_where_polyhead_cannot_be_imported(trained):
    script = ROOT / "recipes" / "quickstart" / "load_without_polyhead.py"
    result = subprocess.run([sys.executable, script, trained], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    model = PolyheadModel.from_pretrained(trained)
    answer = model.predict("The train leaves at seven.")
    first = " ".join(f"{number:+.3f}" for number in model.encode("The train leaves at seven.")[:3])
    (row,) = [line for line in result.stdout.splitlines() if line.startswith("The train")]
    assert row.split("  ")[-2:] == [
        f"{answer['topic']['label']} {answer['topic']['score']:.2f}",
        f"value {answer['mood']['value']:.2f}",
    ]
    assert first in row


def test_a_task_without_a_head_is_trained_measured_and_answered(polyhead, folder):
    Path("recipe.yaml").write_text(
        """\
model: {from_scratch: {model_type: bert, num_hidden_layers: 1, hidden_size: 16, num_attention_heads: 2, intermediate_size: 32}}
tasks: [{name: answer, kind: pair_similarity, loss: multiple_negatives_ranking, matryoshka_dims: [16, 8]}]
data: [{name: faq, train: faq.csv, validation: faq.csv, text: [q, a], labels: {answer: null}}]
train: {num_train_epochs: 1, per_device_train_batch_size: 4}
"""
    )
    Path("faq.csv").write_text("q,a\nwhere,here\nwhen,now\nwho,me\n")
    trained = polyhead("train", "recipe.yaml", "--output", "out")
    assert trained.exit_code == 0, trained.output
    (measured,) = lines_of(polyhead("evaluate", "out", "recipe.yaml", "--split", "train", "--json"))
    (answered,) = lines_of(polyhead("predict", "out", "--pair", "where", "here", "--json"))

    assert {"mrr", "recall_at_1", "mrr_8", "recall_at_1_8", "loss"} <= set(
        json.dumps(measured).replace('"', " ").split()
    )
    assert PolyheadModel.from_pretrained("out").config.results[0]["metric"] == "mrr"
    assert -1 <= answered["answers"]["answer"]["value"] <= 1
