"""Pushes that fail on the way: at most one commit, a message that says what to do, and a second run that works."""

import subprocess
import sys

import pytest

from polyhead.modeling.card_polyhead import name_card
from polyhead.modeling.published_files_polyhead import published_files
from polyhead.modeling.upload_polyhead import upload

from ..loopback_repository import Repository

PUSH = """
import pathlib, sys
from polyhead.modeling.upload_polyhead import upload
upload(pathlib.Path(sys.argv[1]), "me/model", private=True)
"""
# Each moment of a push at which the Hub is asked for something.
ROUTES = ("whoami", "info", "create", "validate", "preupload", "batch", "upload", "commit")


@pytest.fixture
def push(client, polyhead, saved):
    """Return a function that pushes the saved model, private."""

    def _push(*options, repo="me/model"):
        return polyhead("push", saved, repo, "--private", *options)

    return _push


def is_whole(repository, folder):
    files = {name: path.read_bytes() for name, path in published_files(folder).items()}
    return repository.files() == files | {"README.md": name_card(files["README.md"].decode(), "me/model").encode()}


@pytest.mark.parametrize("failure", [{"status": 500}, {"cut": "before"}], ids=["500", "cut"])
@pytest.mark.parametrize("route", ROUTES)
def test_what_fails_three_times_and_then_works_ends_in_one_commit(route, failure, client, saved, hub):
    hub.fail(route, **failure, times=3)
    commit = upload(saved, "me/model", private=True)
    assert hub.repositories["me/model"].pushed == [commit.oid]
    assert is_whole(hub.repositories["me/model"], saved)


@pytest.mark.parametrize("failure", [{"status": 500}, {"status": 429}, {"cut": "before"}], ids=["500", "429", "cut"])
@pytest.mark.parametrize("route", ROUTES)
def test_what_fails_for_ever_leaves_no_commit_and_a_second_run_works(route, failure, client, saved, hub):
    hub.fail(route, **failure, times=float("inf"))
    with pytest.raises(
        ConnectionError, match=r"'me/model' failed: .* Nothing is half done: run the same command again"
    ):
        upload(saved, "me/model", private=True)
    assert [repository.pushed for repository in hub.repositories.values()] in ([], [[]])

    hub.failures.clear()
    commit = upload(saved, "me/model", private=True)
    assert hub.repositories["me/model"].pushed == [commit.oid]
    assert is_whole(hub.repositories["me/model"], saved)


@pytest.mark.parametrize("route", ["create", "upload", "commit"])
def test_what_was_done_is_not_done_again_when_only_the_answer_is_lost(route, client, saved, hub):
    hub.fail(route, cut="after", times=float("inf"))
    commit = upload(saved, "me/model", private=True)
    assert hub.repositories["me/model"].pushed == [commit.oid]
    assert is_whole(hub.repositories["me/model"], saved)


def test_the_command_line_tells_a_failing_hub_from_a_mistake(push, hub):
    hub.fail("commit", status=500, times=float("inf"))
    result = push()
    assert result.exit_code == 1
    assert "error: pushing to 'me/model' failed: Server error '500" in result.stderr


def test_the_waits_grow_and_the_hub_may_ask_for_another(push, client, hub):
    hub.fail("commit", status=500, times=3)
    push()
    assert client == [1, 2, 4]
    client.clear()
    hub.repositories.clear()
    hub.fail("commit", status=429, times=1, Retry_After="20")
    push()
    assert client == [20]


def test_a_hub_that_asks_to_wait_for_long_is_not_waited_for(push, client, hub):
    hub.fail("commit", status=429, times=1, Retry_After="3600")
    result = push()
    assert result.exit_code == 1
    assert "429" in result.stderr
    assert client == []


def test_a_pull_request_whose_answer_was_lost_is_not_opened_twice(push, hub):
    repository = hub.repositories["me/model"] = Repository(is_private=True)
    hub.fail("commit", cut="after", times=2)
    result = push("--pr")
    assert result.exit_code == 0, result.output
    assert len(repository.pull_requests) == 1
    assert f"pull request: {hub.address}/me/model/discussions/1" in result.stdout


def test_without_write_right_the_way_out_is_named(push, hub):
    hub.repositories["you/model"] = Repository(is_private=True)
    result = push(repo="you/model")
    assert result.exit_code == 2
    assert "no right to write to 'you/model'" in result.stderr
    assert "propose the files with --pr" in result.stderr
    assert hub.repositories["you/model"].pushed == []
    assert push("--pr", repo="you/model").exit_code == 0
    assert push(repo="others/new").exit_code == 2
    assert "others/new" not in hub.repositories


def test_a_branch_that_is_not_there_is_named(push, hub):
    hub.repositories["me/model"] = Repository(is_private=True)
    result = push("--revision", "nxet")
    assert result.exit_code == 2
    assert "'me/model', branch 'nxet' does not exist; make the branch on the Hub first" in result.stderr
    assert hub.repositories["me/model"].pushed == []


@pytest.mark.parametrize(("repo", "said"), [("me/a/b", "owner/name"), ("me/ä", "owner/name"), ("", "owner/name")])
def test_a_name_that_is_none_is_refused(push, repo, said, hub):
    result = push(repo=repo)
    assert result.exit_code == 2
    assert said in result.stderr
    assert hub.repositories == {}


def test_whoever_is_not_logged_in_learns_how(push, hub, monkeypatch):
    for token in ("", "hf_expired"):
        monkeypatch.setenv("HF_TOKEN", token)
        result = push()
        assert result.exit_code == 2
        assert "run `hf auth login`, or set HF_TOKEN" in result.stderr
    assert hub.repositories == {}


def test_offline_mode_is_named(push, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    result = push()
    assert result.exit_code == 2
    assert "HF_HUB_OFFLINE is set" in result.stderr


@pytest.mark.parametrize(("route", "num_commits"), [("upload", 0), ("commit", 1)])
def test_a_process_killed_on_the_way_leaves_one_commit_or_none(route, num_commits, client, saved, hub, tmp_path):
    reached = hub.hold(route)
    process = subprocess.Popen([sys.executable, "-c", PUSH, saved], env=hub.environment(tmp_path))
    assert reached.wait(60)
    process.kill()
    process.wait()
    assert len(hub.repositories["me/model"].pushed) == num_commits

    hub.reached.clear()
    upload(saved, "me/model", private=True)
    assert len(hub.repositories["me/model"].pushed) == 1
    assert is_whole(hub.repositories["me/model"], saved)
