"""What a study leaves: report, pictures, the best recipe."""

import pytest

from polyhead.training.recipe.recipe import load_recipe
from polyhead.training.study.best_recipe import moved_content, moved_path
from polyhead.training.study.cells import plan_cells
from polyhead.training.study.outcome import report_study
from polyhead.training.study.results_file import append_result
from polyhead.training.training import train_recipe

TEXT = "recipe: recipe.yaml\nvary: {train.layer_decay: [1.0, 0.9]}\nseeds: 2\nsizes: [8, all]\n"
VERSIONS = {"python": "3", "torch": "2", "transformers": "5", "device": "cpu", "device_name": "x", "threads": 1}


def line_of(cell, score, **fields):
    place = dict(zip(("recipe", "size", "variant", "seed"), cell.place, strict=True))
    tasks = {"topic": {"metric": "accuracy", "value": score}, "mood": {"metric": "pearson", "value": score}}
    measured = {
        "score": score,
        "tasks": tasks,
        "seconds": 2.0,
        "processor_seconds": 1.5,
        "examples_per_second": 16.0,
        "memory_bytes": 2**30,
    }
    measured |= {"curve": [[2, score]], "versions": VERSIONS, "wall_seconds": 3.0}
    return place | {"settings_hash": cell.settings_hash} | measured | fields


@pytest.fixture
def reported(study_of, folder):
    """Return a function that reports on lines, which another makes of each cell and its number; None: no line."""

    def _reported(make_line, text=TEXT, output="docs/out"):
        study = study_of(text)
        file = folder / output / "study.jsonl"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        for number, cell in enumerate(plan_cells(study)):
            line = make_line(number, cell)
            if line is not None:
                append_result(file, line)
        return report_study(study.path, folder / output)

    return _reported


def better_with_decay(number, cell):
    return line_of(cell, (0.6 if "0.9" in cell.variant else 0.5) + 0.01 * number)


def test_the_report_has_means_differences_and_costs(reported):
    outcome = reported(better_with_decay)
    report = outcome.files[0].read_text()
    # All rows are cells 2, 3 (seed 42) and 6, 7 (seed 43): 0.52 and 0.56 without decay, 0.63 and 0.67 with it.
    assert "## recipe, all rows" in report
    assert (
        "| layer_decay 1.0 (baseline) | 2 | 0.5400 | 0.2859 to 0.7941 | 0.5400 | 0.5400 | 2.0 | 1.5 | 16.0 | 1024 |"
        in report
    )
    assert "| **layer_decay 0.9** | 2 | 0.6500 | 0.3959 to 0.9041 |" in report
    assert "| layer_decay 0.9 | +0.1100 | +0.1100 to +0.1100 | 0.5 | 0.5 |" in report
    assert (outcome.num_left_out, outcome.num_failed) == (0, 0)


def test_the_report_is_the_same_bytes_each_time(reported):
    first = {file.name: file.read_bytes() for file in reported(better_with_decay).files}
    assert {file.name: file.read_bytes() for file in reported(better_with_decay).files} == first
    names = ["study.md", "study-pareto.png", "study-curves.png", "study-sizes.png", "study-best.yaml"]
    assert list(first) == names
    assert all(first[name].startswith(b"\x89PNG") for name in names[1:4])


def test_what_was_left_out_failed_or_changed_is_told(reported):
    def _line(number, cell):
        fields = {4: {"error": "ValueError: no"}, 5: {"settings_hash": "before"}}.get(number, {})
        return None if number > 5 else line_of(cell, 0.5, **fields)

    outcome = reported(_line)
    report = outcome.files[0].read_text()
    assert (outcome.num_left_out, outcome.num_failed) == (2, 1)
    assert "**Left out: 2 of 8 runs**, recipe, all rows: 2." in report
    assert "**Failed: 1 runs**, recipe, 8 rows, layer_decay 1.0, seed 43: ValueError: no." in report
    assert "**1 runs were made with other settings**" in report


def test_a_study_of_which_nothing_was_measured_has_a_report_and_no_more(reported):
    outcome = reported(lambda number, cell: line_of(cell, 0.5, error="no") if number == 0 else None)
    assert [file.name for file in outcome.files] == ["study.md"]
    assert set(outcome.verdicts.values()) == {"Nothing was measured here."}


def test_test_scores_are_shown_where_they_were_read(reported):
    test = {"topic": {"accuracy": 0.25}, "mood": {"pearson": 0.75}}
    report = reported(lambda number, cell: line_of(cell, 0.5, test=test)).files[0].read_text()
    assert "| mood | test | seconds |" in report
    assert "| 0.5000 | 0.5000 | 0.5000 | 2.0 | 1.5 |" in report


def test_the_best_recipe_trains_where_it_lies(reported, tmp_path):
    best = next(file for file in reported(better_with_decay).files if file.suffix == ".yaml")
    text = best.read_text()
    assert text.startswith("# Purpose: the best variant of a study of recipe: layer_decay 0.9.")
    assert "train: ../../train.jsonl" in text
    recipe = load_recipe(best)
    assert recipe.train["layer_decay"] == 0.9
    assert recipe.data[0].sample_rows is None  # the largest size: all rows
    assert train_recipe(best, tmp_path / "model", with_pictures=False).scores["topic"]


def test_the_best_recipe_of_a_size_says_that_it_draws_rows(reported):
    best = next(f for f in reported(better_with_decay, TEXT.replace("[8, all]", "[8]")).files if f.suffix == ".yaml")
    assert load_recipe(best).data[0].sample_rows == 8
    assert "# It draws as many training rows as the study; leave sample_rows" in best.read_text()


def test_each_recipe_of_a_study_has_its_own_section_and_best_recipe(reported, folder):
    other = (folder / "recipe.yaml").read_text().replace("num_train_epochs: 2", "num_train_epochs: 3")
    (folder / "other.yaml").write_text(other)
    outcome = reported(better_with_decay, TEXT.replace("recipe.yaml", "[recipe.yaml, other.yaml]"))
    assert [file.name for file in outcome.files][-2:] == ["study-best-recipe.yaml", "study-best-other.yaml"]
    assert list(outcome.verdicts) == ["recipe, 8 rows", "recipe, all rows", "other, 8 rows", "other, all rows"]


@pytest.mark.parametrize(
    ("written", "moved"),
    [
        ("data/a.jsonl", "../../recipes/data/a.jsonl"),
        ("/data/a.jsonl", "/data/a.jsonl"),
        ("~/a.jsonl", "~/a.jsonl"),
        ("${DATA}/a.jsonl", "${DATA}/a.jsonl"),
        ("${DATA:-../data}/a.jsonl", "${DATA:-../../data}/a.jsonl"),
        ("${DATA:-/data}/a.jsonl", "${DATA:-/data}/a.jsonl"),
    ],
)
def test_a_path_means_the_same_from_another_folder(written, moved, tmp_path):
    assert moved_path(written, tmp_path / "recipes", tmp_path / "docs" / "study") == moved


def test_a_backbone_of_the_hub_keeps_its_name_and_one_in_a_folder_moves(folder):
    (folder / "mine").mkdir()
    text = (folder / "recipe.yaml").read_text()
    scratch = next(line for line in text.splitlines() if "from_scratch" in line)
    for written, expected in (("mine", "../mine"), ("bert-base-uncased", "bert-base-uncased")):
        (folder / "recipe.yaml").write_text(text.replace(scratch, f"  backbone: {written}"))
        content = moved_content(load_recipe(folder / "recipe.yaml"), folder, folder / "out")
        assert content["model"]["backbone"] == expected


def test_a_report_without_results_is_refused(study_of, tmp_path):
    with pytest.raises(ValueError, match=r"no results: there is no '.*nowhere/study\.jsonl'; run the study first"):
        report_study(study_of(TEXT).path, tmp_path / "nowhere")


def test_variants_of_which_none_answers_all_tasks_have_no_score_no_picture_and_no_best_recipe(reported):
    def one_task_each(number, cell):
        line = line_of(cell, 0.5)
        del line["tasks"]["topic" if "0.9" in cell.variant else "mood"]
        return line

    outcome = reported(one_task_each)
    assert [file.name for file in outcome.files] == ["study.md"]
    report = outcome.files[0].read_text()
    assert "| layer_decay 1.0 (baseline) | 2 | - | - | 0.5000 | - |" in report
    assert "| layer_decay 0.9 | 2 | - | - | - | 0.5000 |" in report
    assert all("No variant answers all tasks" in verdict for verdict in outcome.verdicts.values())


def test_a_best_recipe_that_later_results_do_not_bear_out_is_gone(reported):
    best = reported(better_with_decay).files[-1]
    assert best.name == "study-best.yaml"

    reported(lambda number, cell: {**line_of(cell, 0.5), "error": "no memory"})
    assert not best.exists()
