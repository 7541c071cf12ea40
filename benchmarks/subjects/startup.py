"""What one waits for before the first answer, in fresh processes."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.findings import Check, Finding, Rate, Row, Spread, largest_difference
from harness.material import new_model
from harness.rounds import Budget, Contender, interleave

IMPORT = "import time; begun = time.perf_counter(); import polyhead; print(time.perf_counter() - begun)"
HELP = "import sys; sys.argv = ['polyhead', '--help']; from polyhead.cli import main; main()"
# Seconds until a model is there, median seconds of loading it seven times more (all code imported), what its backbone makes of
# four tokens.
LOAD = """
import json, statistics, sys, time
begun = time.perf_counter()
from {module} import {name}
model = {name}.from_pretrained(sys.argv[1])
first = time.perf_counter() - begun
again = []
for _ in range(7):
    begun = time.perf_counter()
    model = {name}.from_pretrained(sys.argv[1])
    again.append(time.perf_counter() - begun)
import torch
with torch.inference_mode():
    tokens = model(torch.tensor([[101, 1037, 4937, 102]]), return_dict=True).last_hidden_state
print(json.dumps([first, statistics.median(again), tokens.double().mean(dim=(0, 1)).tolist()]))
"""
OURS, PEER = "`PolyheadModel`", "`AutoModel` from the same folder"
LOADERS = {OURS: ("polyhead", "PolyheadModel"), PEER: ("transformers", "AutoModel")}


def measure(budget: Budget) -> Iterator[Finding]:
    with tempfile.TemporaryDirectory() as parent:
        folder = str(Path(parent) / "model")
        new_model().save_pretrained(folder)
        contenders = [
            Contender("import", lambda _: float(_python(IMPORT))),
            Contender("help", lambda _: _python(HELP)),
            *(Contender(name, lambda _, name=name: _load(name, folder)) for name in LOADERS),
        ]
        if budget.is_quick:
            contenders = [replace(contender, warm_up=lambda: None) for contender in contenders]
        rounds = interleave(contenders, budget)
    yield Row("`import polyhead`", "", "<= 0.3", Spread.of(rounds.answers["import"]), unit="s")
    yield Row("`polyhead --help`, the whole process", "", "<= 1", Spread.of(rounds.seconds["help"]), unit="s")
    ours, theirs = rounds.answers[OURS], rounds.answers[PEER]
    difference = largest_difference([ours[0][2]], [theirs[0][2]])
    check = Check("largest difference of a mean token embedding", difference, at_most=1e-5)
    for place, what in enumerate(("first `from_pretrained` of a process, imports included", "`from_pretrained` again")):
        by_name = {name: [answer[place] for answer in rounds.answers[name]] for name in LOADERS}
        yield Row(what, PEER, "<= 1.2", Spread.of_ratios(by_name[OURS], by_name[PEER]), checks=[check], note=NOTE)
        for name, seconds in by_name.items():
            yield Rate(f"{what}: {name}", Spread.of(seconds).median, "s")


NOTE = "ours checks the folder as well; both without the tokenizer, which ours loads at first use."


def _load(name: str, folder: str) -> Any:
    module, class_name = LOADERS[name]
    return json.loads(_python(LOAD.format(module=module, name=class_name), folder))


def _python(code: str, *arguments: str) -> str:
    finished = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)
    if finished.returncode:
        raise RuntimeError(finished.stderr.strip().splitlines()[-1])
    return finished.stdout.strip()
