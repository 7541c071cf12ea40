"""`polyhead check`, and what `polyhead train` says of the data before it begins."""

import json
import subprocess
import sys
from pathlib import Path

ROWS = [json.loads(line) for line in (Path(__file__).parent / "tiny" / "train.jsonl").read_text().splitlines()]
ARTS = {"text": "a play", "topic": "arts", "mood": 0}


def write(name, rows):
    Path(name).write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")


def replace(old, new):
    recipe = Path("recipe.yaml")
    assert old in recipe.read_text()
    recipe.write_text(recipe.read_text().replace(old, new))


def split_data(test=()):
    """Give the recipe a validation split of its own, and a test split."""
    write("train.jsonl", ROWS[:6] + ROWS[8:14])
    write("validation.jsonl", ROWS[6:7] + ROWS[14:15])
    write("test.jsonl", [*ROWS[7:8], *test])
    replace("validation: train.jsonl", "validation: validation.jsonl, test: test.jsonl")


def test_sound_data_are_shown_split_by_split(polyhead, folder):
    split_data()
    result = polyhead("check", "recipe.yaml")

    assert result.exit_code == 0, result.output
    words = " ".join(result.stdout.split())
    for part in ("tiny train 12 5 5 5 512 0 (0.0%)", "topic tiny train 12 science 6, sport 6", "tiny test 1 "):
        assert part in words, result.stdout
    assert "mood tiny train 12 value -2.5 to 2.5, mean 0" in words
    assert result.stdout.endswith("no problems, 0 warnings\n")


def test_test_rows_that_stand_in_train_are_a_warning_with_their_rows(polyhead, folder):
    split_data(test=[ROWS[0] | {"text": "Goal  number 0"}])
    result = polyhead("check", "recipe.yaml")

    assert result.exit_code == 0
    assert "warning: 1 of 2 test rows have a text that stands in train too" in result.stdout
    assert "  'Goal  number 0' at tiny/train.jsonl:1, tiny/test.jsonl:2" in result.stdout
    assert result.stdout.endswith("no problems, 1 warning\n")


def test_json_holds_the_whole_report(polyhead, folder):
    split_data(test=[ROWS[0]])
    report = json.loads(polyhead("check", "recipe.yaml", "--json").stdout)

    assert (report["num_problems"], report["problems"]) == (0, [])
    assert [warning["examples"] for warning in report["warnings"]] == [
        ["'goal number 0' at tiny/train.jsonl:1, tiny/test.jsonl:2"]
    ]
    assert [(part["dataset"], part["split"], part["num_rows"]) for part in report["splits"]] == [
        ("tiny", "train", 12),
        ("tiny", "validation", 2),
        ("tiny", "test", 2),
    ]
    train = report["splits"][0]
    assert train["labels"]["topic"] == {"num_rows": 12, "counts": {"science": 6, "sport": 6}, "numbers": None}
    assert train["labels"]["mood"]["numbers"] == {"value": {"lowest": -2.5, "mean": 0.0, "highest": 2.5}}
    assert (train["lengths"]["longest"], train["lengths"]["limit"], train["lengths"]["share_longer"]) == (5, 512, 0.0)
    assert report["overlaps"] == [
        {
            "splits": ["train", "test"],
            "num_rows": 1,
            "repeats": [{"text": "goal number 0", "rows": ["tiny/train.jsonl:1", "tiny/test.jsonl:2"]}],
        }
    ]


def test_problems_of_all_files_come_at_once_with_exit_code_2(polyhead, folder):
    split_data(test=[ARTS | {"topic": "sprot"}])
    write("validation.jsonl", [ROWS[6] | {"text": " "}, ROWS[7] | {"mood": "high"}])
    problems = [
        "validation.jsonl:1 column 'text': empty or blank text ' ' came; fill it in or remove the row",
        "validation.jsonl:2 column 'mood': the text 'high' came; write a number",
        "test.jsonl:2 column 'topic': 'sprot' is not a label of task 'topic'; closest is 'sport'",
    ]

    shown, plain = polyhead("check", "recipe.yaml"), polyhead("check", "recipe.yaml", "--json")

    assert (shown.exit_code, plain.exit_code) == (2, 2)
    assert shown.stderr == "\n  ".join(["error: the data have 3 problems:", *problems]) + "\n"
    assert json.loads(plain.stdout) == {"num_problems": 3, "problems": problems}


def test_a_label_that_only_test_has_is_a_problem_unless_the_recipe_names_it(polyhead, folder):
    split_data(test=[ARTS])
    assert polyhead("check", "recipe.yaml").exit_code == 2

    replace("[science, sport]", "[science, sport, arts]")
    result = polyhead("check", "recipe.yaml")
    assert result.exit_code == 0
    assert "no training row has arts (arts 1 in test)" in result.stdout


def test_training_begins_with_the_labels_and_the_warnings_on_standard_error(polyhead, folder):
    result = polyhead("train", "recipe.yaml", "--output", "out", "--set", "train.max_steps=1")

    assert result.exit_code == 0, result.output
    assert "topic (tiny): 16 training rows; science 8, sport 8\n" in result.stderr
    assert "mood (tiny): 16 training rows; value -3.5 to 3.5, mean 0\n" in result.stderr
    assert "none of 16 training texts is longer than the 512 tokens that are read\n" in result.stderr
    assert "warning: 16 of 16 validation rows have a text that stands in train too" in result.stderr
    assert "1 warning; all, with rows: polyhead check recipe.yaml --set train.max_steps=1\n" in result.stderr
    assert "training rows" not in result.stdout


def test_training_can_leave_the_report_out(polyhead, folder):
    result = polyhead("train", "recipe.yaml", "--output", "out", "--no-check", "--set", "train.max_steps=1")

    assert result.exit_code == 0, result.output
    assert "training rows" not in result.stderr
    assert "warning" not in result.stderr


def test_share_of_cut_texts_is_told_before_training(polyhead, folder):
    replace("prompts:", "max_length: 4\n  prompts:")
    result = polyhead("train", "recipe.yaml", "--output", "out", "--set", "train.max_steps=1")

    assert "16 of 16 training texts (100.0%) are longer than 4 tokens and are cut\n" in result.stderr


def test_an_output_folder_that_does_not_fit_is_refused_before_torch_is_imported(folder):
    (folder / "out").mkdir()
    (folder / "out" / "notes").touch()
    code = (
        "import sys; from polyhead.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: print(end.code, 'torch' in sys.modules, 'transformers' in sys.modules)"
    )
    command = [sys.executable, "-c", code, "train", "recipe.yaml", "--output", "out"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)

    assert result.stdout == "2 False False\n"
    assert "'out' is not empty" in result.stderr


def test_of_a_stream_the_first_rows_are_counted_and_called_so(polyhead, folder):
    replace("name: tiny,", "name: tiny, streaming: true, first_rows: 12,")
    replace("num_train_epochs: 2", "max_steps: 3")
    told = "tiny is a stream: its first 12 training rows alone were read and are counted here"
    result = polyhead("check", "recipe.yaml")
    report = json.loads(polyhead("check", "recipe.yaml", "--json").stdout)
    plan = " ".join(polyhead("plan", "recipe.yaml", "--timed-steps", 0).stdout.split())
    trained = polyhead("train", "recipe.yaml", "--output", "out")

    assert told in result.stdout
    assert "topic tiny train 12 " in " ".join(result.stdout.split())
    assert [(part["num_rows"], part["is_stream"]) for part in report["splits"]] == [(12, True), (16, False)]
    assert trained.exit_code == 0, trained.output
    assert told in trained.stderr
    assert "rows: tiny first 12 (a stream); 0 too long and cut steps: 3 (max_steps; a stream has no epochs)" in plan
    assert "tokens: about " in plan
