"""Where the time goes: torch's operators by their share of it, and what Python does beside them."""

import time
from collections.abc import Callable, Iterator
from typing import Any

from harness.findings import Finding, Rate
from harness.material import new_model, real_texts
from harness.rounds import Budget
from harness.training_runs import classification_tasks, labelled_rows, our_trainer
from torch.profiler import ProfilerActivity, profile

NUM_SHOWN = 6


def measure(budget: Budget) -> Iterator[Finding]:
    tasks = classification_tasks()
    model, texts = new_model(tasks), real_texts(budget.choose(200, 32))
    rows = labelled_rows(model, tasks, "train", budget.choose(32, 16))
    trained = new_model(tasks)
    runs: dict[str, Callable[[], Any]] = {
        "`encode`, many texts": lambda: model.encode(texts, num_workers=1),  # the profiler follows one thread
        "`encode`, one text after another": lambda: [model.encode(text) for text in texts[: budget.choose(40, 5)]],
        "`predict`, three tasks": lambda: model.predict(texts, num_workers=1),
        "training": our_trainer(trained, rows, num_train_epochs=1, learning_rate=1e-5).train,
    }
    for name, run in runs.items():
        if name != "training":  # which has its own start, a small part of it
            run()
        for operator, share in _shares(run).items():
            yield Rate(f"{name}: {operator}", 100 * share, "%")


def _shares(run: Callable[[], Any]) -> dict[str, float]:
    begun = time.perf_counter()
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        run()
        seconds = time.perf_counter() - begun
    taken = {event.key: event.self_cpu_time_total / 1e6 / seconds for event in profiler.key_averages()}
    largest = sorted(taken, key=taken.__getitem__, reverse=True)[:NUM_SHOWN]
    shares = {f"`{name}`": taken[name] for name in largest}
    rest = sum(taken.values()) - sum(shares.values())
    return shares | {"other operators": rest, "Python and tokenizer": max(0.0, 1 - sum(taken.values()))}
