"""Batches of one call that several threads run: the answers of one thread, and nothing left behind."""

import subprocess
import sys
import threading

import numpy as np
import pytest
import torch

from polyhead.modeling import running_polyhead

TEXTS = ["a", "b c", "d e f", "g", "h i j k", "the cat", "l", "a dog on a mat", "m n"]

# Room for a few threads of the thousand that are asked for.
TOO_MANY = """
import resource, threading
from pathlib import Path
from polyhead.modeling.running_polyhead import _workers

held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (held + 2**28, resource.RLIM_INFINITY))
try:
    with _workers(1000, "cpu"):
        pass
except RuntimeError as error:
    print(error, threading.active_count())
"""


@pytest.fixture
def model(make_model, all_tasks):
    return make_model(tasks=all_tasks())


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_several_workers_answer_as_one_does(model):
    expected, answers = model.encode(TEXTS, batch_size=2), model.predict(TEXTS, batch_size=2, num_workers=1)
    assert np.array_equal(model.encode(TEXTS, batch_size=2, num_workers=3), expected)
    assert model.predict(TEXTS, batch_size=2, num_workers=3) == answers


def test_pairs_are_answered_by_several_workers_too(model):
    pairs = list(zip(TEXTS, reversed(TEXTS), strict=True))
    assert model.predict(pairs, batch_size=2, num_workers=3) == model.predict(pairs, batch_size=2, num_workers=1)


def test_two_batches_are_computed_at_the_same_time(model):
    both = threading.Barrier(2)
    # A thread that comes alone waits in vain, which is an error.
    model.polyhead.pooling.register_forward_pre_hook(lambda *_: both.wait(timeout=20) > 1 or None)
    assert model.encode(TEXTS[:8], batch_size=2, num_workers=2).shape == (8, 32)


@pytest.mark.usefixtures("two_threads")
def test_workers_share_the_threads_of_torch_and_leave_their_number_as_it_was(model):
    seen = set()
    model.polyhead.pooling.register_forward_pre_hook(lambda *_: seen.add(torch.get_num_threads()))
    model.encode(TEXTS, batch_size=2, num_workers=2)
    assert seen == {1}
    assert torch.get_num_threads() == 2
    later = []
    thread = threading.Thread(target=lambda: later.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    assert later == [2]


@pytest.mark.usefixtures("two_threads")
def test_one_batch_is_computed_by_all_threads_of_torch_together(model):
    seen = set()
    model.polyhead.pooling.register_forward_pre_hook(
        lambda *_: seen.add((torch.get_num_threads(), threading.current_thread()))
    )
    model.encode(TEXTS)
    assert seen == {(2, threading.current_thread())}


@pytest.mark.usefixtures("two_threads")
def test_unless_told_otherwise_there_are_as_many_workers_as_torch_has_threads(model, monkeypatch):
    assert model.choose_num_workers() == 2
    monkeypatch.setattr(running_polyhead, "MOST_WORKERS", 1)
    assert model.choose_num_workers() == 1


@pytest.mark.usefixtures("two_threads")
def test_a_model_under_the_hooks_of_accelerate_has_one_worker(model):
    from accelerate.hooks import ModelHook, add_hook_to_module

    add_hook_to_module(model, ModelHook())
    assert model.choose_num_workers() == 1


@pytest.mark.usefixtures("two_threads")
def test_a_compiled_model_has_one_worker(model):
    model.compile(backend="eager")
    assert model.choose_num_workers() == 1


def test_autocast_of_the_caller_holds_in_the_workers(model):
    with torch.autocast("cpu", torch.bfloat16):
        rounded = model.encode(TEXTS, batch_size=2, num_workers=1)
        assert np.array_equal(model.encode(TEXTS, batch_size=2, num_workers=3), rounded)
    assert not np.array_equal(model.encode(TEXTS, batch_size=2, num_workers=3), rounded)


def test_training_mode_comes_back_when_a_worker_fails(model):
    model.train()

    def _fail(*_):
        raise RuntimeError("out of order")

    model.polyhead.pooling.register_forward_pre_hook(_fail)
    before = threading.active_count()
    with pytest.raises(RuntimeError, match="out of order"):
        model.encode(TEXTS, batch_size=2, num_workers=3)
    assert model.training
    assert threading.active_count() == before


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux how much memory it holds")
def test_more_workers_than_the_system_has_threads_for_are_an_error_and_no_endless_wait():
    told = subprocess.run([sys.executable, "-c", TOO_MANY], capture_output=True, text=True, timeout=300, check=True)
    assert told.stdout == "can't start new thread 1\n"


@pytest.mark.parametrize("option", ["num_workers", "batch_size"])
def test_fewer_than_one_is_refused(model, option):
    with pytest.raises(ValueError, match=f"{option} 0 must be at least 1, or None to choose by the machine"):
        model.encode(TEXTS, **{option: 0})
