"""One model, sixteen threads, mixed inputs: no answer may differ from the one that a single thread gets."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

NUM_THREADS = 16
LONG = "the cat sat on a mat and ran. " * 20


def calls(model, short):
    """Return different ways to use a model, and one that cuts texts earlier, each a function that gives an array."""
    texts = ["a cat", "the dog ran far, far away", "b", LONG, "zebra!"]

    def scores(**options):
        rows = model.predict(texts, tasks=["topic", "slots"], **options)
        found = [list(row["scores"].values()) for row in rows["topic"]]
        return np.concatenate(
            [np.ravel(found), [entity["start"] for row in rows["slots"] for entity in row["entities"]]]
        )

    return [
        lambda: model.encode(texts),
        lambda: model.encode("a cat"),
        lambda: short.encode(texts),
        lambda: model.encode([LONG, "b"], batch_size=1, normalize=False),
        lambda: model.encode(texts, truncate_dim=4, prompt="the: "),
        lambda: scores(),
        lambda: scores(batch_size=2),
        lambda: np.array([row["value"] for row in model.predict([("a", LONG), ("b", "b")])["closeness"]]),
    ]


@pytest.mark.parametrize("training", [False, True], ids=["evaluation mode", "left in training mode"])
def test_sixteen_threads_get_what_one_thread_gets(make_model, all_tasks, training):
    model = make_model(all_tasks(), hidden_dropout_prob=0.5)
    short = make_model(max_length=6)
    short.tokenizer = model.tokenizer  # a tokenizer that is shared keeps one maximum length for all
    model.train(training)
    ways = calls(model, short)
    expected = [way() for way in ways]
    barrier = threading.Barrier(NUM_THREADS)

    def work(number):
        barrier.wait(60)
        wrong = []
        for step in range(28):
            way = (number + step) % len(ways)
            answer = ways[way]()
            if answer.shape != expected[way].shape or not np.allclose(answer, expected[way], atol=1e-6):
                wrong.append(way)
        return wrong

    with ThreadPoolExecutor(NUM_THREADS) as threads:
        wrong = [found for result in threads.map(work, range(NUM_THREADS)) for found in result]
    assert wrong == []  # of 16 * 28 = 448 calls
    assert model.training == training


def test_the_main_thread_may_work_beside_the_others(make_model):
    model = make_model()
    expected = {length: model.encode("a " * length) for length in (3, 30)}

    def work(length):
        return [np.allclose(model.encode("a " * length), expected[length], atol=1e-6) for _ in range(30)]

    with ThreadPoolExecutor(3) as threads:
        others = [threads.submit(work, 3) for _ in range(3)]
        # Another maximum length in the main thread: a tokenizer that is shared would cut the others' texts.
        tokenized = [len(model.tokenizer("a " * 30, truncation=True, max_length=4)["input_ids"]) for _ in range(100)]
        mine = work(30)
        assert all(all(other.result()) for other in others)
    assert all(mine)
    assert set(tokenized) == {4}
