import re
from pathlib import Path

import pytest
import yaml
from huggingface_hub import ModelCard

from polyhead.configuration.configuration_polyhead import PolyheadConfig
from polyhead.configuration.tasks_polyhead import TaskConfig
from polyhead.modeling.card_metadata_polyhead import render_metadata, split_metadata
from polyhead.modeling.card_polyhead import END_OF_YOURS, INVITATION, TEMPLATE, YOURS, name_card, write_card
from polyhead.modeling.card_text_polyhead import MARK, render_card
from polyhead.publishing.onnx_export import export_onnx

SPEED = {"texts_per_second": 812.4, "tokens_per_text": 14.2, "device": "Fast", "threads": 2, "dtype": "float32"}
RESULT = {"task": "topic", "metric": "accuracy", "value": 0.98765, "dataset": "news", "split": "test"}


@pytest.fixture
def config(backbone_config, all_tasks):
    return PolyheadConfig(text_config=backbone_config("BERT"), tasks=all_tasks(), max_length=20, results=[RESULT])


@pytest.fixture
def template():
    return TEMPLATE.read_text(encoding="utf-8")


def test_every_section_of_the_template_is_filled(config, template):
    config.speed = SPEED
    card = render_card(template, config, training="Ten steps.")
    assert re.findall(r"\$\w+", card) == []
    sections = re.findall(r"^## (.*)", card, re.MULTILINE)
    assert sections == ["Tasks", "Scores", "Size and speed", "Training", "Use", "Limits", "Citation"]


def test_the_card_begins_with_metadata_that_the_hub_can_read(config, tmp_path):
    write_card(tmp_path, config, None)
    _, front, body = (tmp_path / "README.md").read_text().split("---\n", 2)
    assert yaml.safe_load(front)["library_name"] == "transformers"
    assert body.strip().startswith(MARK.strip())


def test_metadata_that_people_added_stays_and_their_tags_come_after_ours(config, tmp_path):
    write_card(tmp_path, config, None)
    card = tmp_path / "README.md"
    card.write_text(card.read_text().replace("tags:\n", "license: mit\nlanguage: [en, de]\ntags:\n- tickets\n", 1))
    config.results = [RESULT | {"value": 0.5}]
    write_card(tmp_path, config, None)
    data = ModelCard(card.read_text()).data
    assert (data.license, data.language, data.library_name) == ("mit", ["en", "de"], "transformers")
    assert data.tags == ["polyhead", "sentence-similarity", "sentence-transformers", "feature-extraction", "tickets"]
    assert [row.metric_value for row in data.eval_results] == [0.5]


def test_a_card_whose_metadata_cannot_be_read_keeps_them_until_they_are_mended(config, tmp_path):
    write_card(tmp_path, config, None)
    card = tmp_path / "README.md"
    card.write_text(card.read_text().replace("tags:\n", "license: [mit\ntags:\n", 1))
    broken = card.read_text()
    write_card(tmp_path, config, None)
    assert card.read_text() == broken
    card.write_text(broken.replace("[mit", "mit"))
    config.results = [RESULT | {"value": 0.5}]
    write_card(tmp_path, config, None)
    data = ModelCard(card.read_text()).data
    assert (data.license, data.eval_results[0].metric_value) == ("mit", 0.5)


@pytest.mark.parametrize(
    ("written", "kept"),
    [("tickets", ["tickets"]), (["a", {"b": 1}, None, ["c"], "d"], ["a", "d"]), (3, []), (None, [])],
)
def test_tags_in_whatever_form_leave_the_model_savable(config, written, kept):
    tags = ModelCard(render_metadata(config, {"tags": written})).data.tags
    assert tags == ["polyhead", "sentence-similarity", "sentence-transformers", "feature-extraction", *kept]


def test_what_is_no_metadata_counts_as_text():
    for text in ("", "plain", "---\nno fence", "---\n- a list\n---\nbody", "---\na: [\n---\nbody"):
        assert split_metadata(text) == ({}, text)
    assert split_metadata("---\na: 1\n---\nbody") == ({"a": 1}, "body")


def test_every_task_stands_in_the_card(config, template):
    card = render_card(template, config)
    for task in config.tasks:
        assert f"| `{task.name}` | {task.kind.replace('_', ' ')} |" in card
    assert "| `closeness` | pair similarity | cosine | a number |" in card
    assert "Science, Sports, Arts" in card


def test_scores_are_shown_as_measured(config, template):
    assert "| `topic` | news | test | accuracy | 0.9877 |" in render_card(template, config)
    config.results = []
    assert "None measured yet" in render_card(template, config)


def test_many_labels_are_shown_in_part_and_counted(backbone_config, template):
    labels = [f"label{number}" for number in range(77)]
    task = TaskConfig(name="intent", kind="single_label_classification", labels=labels)
    card = render_card(template, PolyheadConfig(text_config=backbone_config("BERT"), tasks=[task]))
    assert "label11, ... (77 in all)" in card
    assert "label12" not in card


def test_labels_cannot_break_the_table(backbone_config, template):
    task = TaskConfig(name="mark", kind="single_label_classification", labels=["a|b", "c\nd", "$x ${y}"])
    card = render_card(template, PolyheadConfig(text_config=backbone_config("BERT"), tasks=[task]))
    (row,) = [line for line in card.splitlines() if line.startswith("| `mark`")]
    assert "| linear | a\\|b, c d, $x ${y} |" in row


def test_a_model_without_tasks_says_so(backbone_config, template):
    assert "None: this is a plain sentence encoder" in render_card(
        template, PolyheadConfig(text_config=backbone_config("BERT"))
    )


def test_a_template_that_asks_for_too_much_is_an_error(config):
    with pytest.raises(KeyError, match="weather"):
        render_card("# $title\n\n$weather", config)


def test_a_card_is_replaced_and_a_handwritten_readme_is_not(config, tmp_path):
    write_card(tmp_path, config, None)
    assert MARK in (tmp_path / "README.md").read_text(encoding="utf-8")
    config.results = []
    write_card(tmp_path, config, None)
    assert "0.9877" not in (tmp_path / "README.md").read_text(encoding="utf-8")
    (tmp_path / "README.md").write_text("mine", encoding="utf-8")
    write_card(tmp_path, config, None)
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == "mine"


def test_a_handwritten_readme_in_another_encoding_is_left_alone(config, tmp_path):
    (tmp_path / "README.md").write_bytes("# Modèle\n".encode("latin-1"))
    write_card(tmp_path, config, None)
    assert (tmp_path / "README.md").read_bytes() == "# Modèle\n".encode("latin-1")


def test_code_without_a_template_takes_the_card_along(config, tmp_path, monkeypatch):
    monkeypatch.setattr("polyhead.modeling.card_polyhead.TEMPLATE", Path("/no/such/template"))
    (tmp_path / "from").mkdir()
    (tmp_path / "to").mkdir()
    (tmp_path / "from" / "README.md").write_text(f"{MARK}\n# Card", encoding="utf-8")
    write_card(tmp_path / "to", config, (str(tmp_path / "from"), {}))
    assert (tmp_path / "to" / "README.md").read_text(encoding="utf-8") == f"{MARK}\n# Card"


def test_the_card_of_a_model_from_the_hub_is_taken_along(config, tmp_path, monkeypatch):
    monkeypatch.setattr("polyhead.modeling.card_polyhead.TEMPLATE", Path("/no/such/template"))
    cached = tmp_path / "cache" / "models--some--model"
    (cached / "refs").mkdir(parents=True)
    (cached / "refs" / "main").write_text("abc", encoding="utf-8")
    (cached / "snapshots" / "abc").mkdir(parents=True)
    (tmp_path / "to").mkdir()
    source = ("some/model", {"cache_dir": str(tmp_path / "cache")})
    write_card(tmp_path / "to", config, source)
    assert not (tmp_path / "to" / "README.md").exists()

    (cached / "snapshots" / "abc" / "README.md").write_text(f"{MARK}\n# Card", encoding="utf-8")
    write_card(tmp_path / "to", config, source)
    assert (tmp_path / "to" / "README.md").read_text(encoding="utf-8") == f"{MARK}\n# Card"


def test_measured_scores_are_metadata_that_the_hub_reads(config):
    config.results.append({"task": "slots", "metric": "f1", "value": 0.5, "dataset": "a: b", "split": "validation"})
    config.results.append({"task": "toxic", "metric": "accuracy", "value": 0.25, "dataset": "news", "split": "test"})
    found = ModelCard(render_metadata(config, {})).data.eval_results
    assert [(row.task_name, row.task_type, row.dataset_name, row.dataset_split) for row in found] == [
        ("topic", "text-classification", "news", "test"),
        ("toxic", "text-classification", "news", "test"),
        ("slots", "token-classification", "a: b", "validation"),
    ]
    assert [(row.metric_type, row.metric_value) for row in found] == [
        ("accuracy", 0.98765),
        ("accuracy", 0.25),
        ("f1", 0.5),
    ]
    config.results = []
    assert "model-index" not in render_metadata(config, {"model-index": "of another model"})


def test_what_people_wrote_between_the_marks_survives_a_new_rendering(make_model, all_tasks, tmp_path):
    model = make_model(all_tasks())
    model.save_pretrained(tmp_path)
    card = tmp_path / "README.md"
    assert INVITATION in card.read_text()
    card.write_text(card.read_text().replace(INVITATION, "For tickets, $5 each.\n\n## Licence\n\nMIT\n"))
    model.config.results = [RESULT]
    model.save_pretrained(tmp_path)
    assert f"{YOURS}For tickets, $5 each.\n\n## Licence\n\nMIT\n{END_OF_YOURS}" in card.read_text()
    assert card.read_text().count(YOURS) == 1
    assert "| `topic` | news |" in card.read_text()
    before = card.read_text()
    model.save_pretrained(tmp_path)
    assert card.read_text() == before


def test_every_code_block_of_a_card_runs(make_model, all_tasks, tmp_path, monkeypatch):
    model = make_model(all_tasks())
    model.save_pretrained(tmp_path / "model")
    export_onnx(model, tmp_path / "exported")
    monkeypatch.chdir(tmp_path)
    card = name_card((tmp_path / "model" / "README.md").read_text(), "./model")
    blocks = re.findall(r"^```python\n(.*?)^```", card, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 5
    for code in blocks:
        exec(compile(code, "card", "exec"), {})
    assert "polyhead export onnx ./model exported" in card
    assert "\n# model\n" in card


def test_a_card_written_by_hand_is_not_named():
    assert name_card("load path/or/name", "me/model") == "load path/or/name"


def test_the_table_of_tasks_holds_the_test_score_and_what_a_single_task_model_has(config, template):
    row = next(line for line in render_card(template, config).splitlines() if line.startswith("| `topic`"))
    assert row.endswith("| news, test | accuracy | 0.9877 |  |")
    config.results.insert(0, RESULT | {"split": "validation", "value": 0.1})
    config.results[1]["single_task"] = 0.97
    config.results.append(RESULT | {"metric": "ece", "value": 0.0312, "split": "validation"})
    config.task("topic").temperature = 1.5
    config.task("topic").min_confidence = 0.625
    card = render_card(template, config)
    row = next(line for line in card.splitlines() if line.startswith("| `topic`"))
    assert row.endswith(
        "| news, test | accuracy | 0.9877 | 0.9700 | temperature 1.50, abstains below 0.625, ece 0.031 |"
    )
    assert "| score | a model of this task alone | calibration |" in card


@pytest.mark.parametrize(
    ("least", "most", "told"),
    [(0.9954, None, "abstains below 0.995"), (0, 0.00196, "abstains above an out-of-scope score of 0.00196")],
)
def test_the_card_tells_both_thresholds_of_a_task_that_abstains(config, template, least, most, told):
    config.task("topic").min_confidence, config.task("topic").max_out_of_scope = least, most
    row = next(line for line in render_card(template, config).splitlines() if line.startswith("| `topic`"))
    assert row.endswith(f"| {told} |")
    config.task("topic").min_confidence = 0.5
    assert ("below 0.500 and above an out-of-scope score" in render_card(template, config)) == (most is not None)


def test_one_head_and_one_thread_are_told_as_one(backbone_config, all_tasks, template):
    config = PolyheadConfig(text_config=backbone_config("BERT"), tasks=all_tasks()[:1], speed=SPEED | {"threads": 1})
    card = render_card(template, config)
    assert "with 1 task head:" in card
    assert "Fast, 1 thread, float32" in card


def test_sizes_and_speed_are_told_only_where_they_are_known(make_model, all_tasks, tmp_path, config, template):
    assert "Size and speed" not in render_card(template, config)
    model = make_model(all_tasks(), speed=SPEED)
    model.save_pretrained(tmp_path)
    card = (tmp_path / "README.md").read_text()
    in_heads = sum(weight.numel() for weight in model.polyhead.heads.parameters())
    assert f"{model.num_parameters():,} parameters, {in_heads:,} of them in the heads: " in card
    assert "812 texts a second, 14 tokens each on average (Fast, 2 threads, float32)" in card
