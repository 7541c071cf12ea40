import json

import pytest

from polyhead.publishing import stored_scores
from polyhead.publishing.stored_scores import check_folder, store_scores


@pytest.fixture
def checkpoint(make_model, all_tasks, tmp_path):
    make_model(all_tasks(), results=[score("topic", "validation", 0.5), score("topic", "test", 0.6)]).save_pretrained(
        tmp_path
    )
    return tmp_path


def score(task, split, value):
    return {"task": task, "dataset": "d", "split": split, "metric": "accuracy", "value": value}


def stored(folder):
    return json.loads((folder / "config.json").read_text())["polyhead"]["results"]


def test_scores_replace_those_of_the_same_task_and_split_and_leave_the_others(checkpoint):
    before = (checkpoint / "config.json").read_text()
    store_scores(checkpoint, [score("topic", "test", 0.7), score("grade", "test", 0.8)])
    expected = [score("topic", "validation", 0.5), score("topic", "test", 0.7), score("grade", "test", 0.8)]
    assert stored(checkpoint) == expected
    store_scores(checkpoint, [score("grade", "test", 0.9)])
    assert stored(checkpoint) == [*expected[:2], score("grade", "test", 0.9)]
    fields = json.loads(before)
    fields["polyhead"]["results"] = stored(checkpoint)
    assert json.loads((checkpoint / "config.json").read_text()) == fields


def test_card_shows_the_new_scores_unless_it_was_written_by_hand(checkpoint):
    store_scores(checkpoint, [score("grade", "test", 0.8)])
    assert "| `grade` | d | test | accuracy | 0.8000 |" in (checkpoint / "README.md").read_text()
    (checkpoint / "README.md").write_text("# By hand\n")
    store_scores(checkpoint, [score("grade", "test", 0.9)])
    assert (checkpoint / "README.md").read_text() == "# By hand\n"


def test_interrupt_while_writing_leaves_the_old_config_whole(checkpoint, monkeypatch):
    before = (checkpoint / "config.json").read_bytes()

    def _interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(stored_scores.os, "fsync", _interrupt)
    with pytest.raises(KeyboardInterrupt):
        store_scores(checkpoint, [score("grade", "test", 0.8)])
    assert (checkpoint / "config.json").read_bytes() == before


def test_name_that_is_no_folder_is_refused_before_anything_is_measured():
    with pytest.raises(ValueError, match="'me/model' is no folder, so nothing can be stored"):
        check_folder("me/model")
