PYTHON ?= python3
.PHONY: setup quickstart study study-scripts study-report benchmark benchmark-quick performance-report test test-all test-oldest check format

setup: .venv/.stamp

# The pins first, then ourselves without dependencies: resolving the loose requirements takes pip minutes.
.venv/.stamp: constraints.txt pyproject.toml
	$(call make_environment,.venv,constraints.txt)

.venv-oldest/.stamp: constraints-oldest.txt pyproject.toml
	$(call make_environment,.venv-oldest,constraints-oldest.txt)

ifneq ($(shell command -v uv),)
INSTALL = uv pip install --python $(1)/bin/python
VENV = uv venv --allow-existing --python $(PYTHON)
# uv does not read pip's settings: whoever told pip where wheels lie means uv as well.
export UV_FIND_LINKS ?= $(PIP_FIND_LINKS)
else
INSTALL = $(1)/bin/python -m pip install --quiet
VENV = $(PYTHON) -m venv
endif

define make_environment
$(VENV) $(1)
$(INSTALL) -r $(2)
$(INSTALL) --no-deps --no-build-isolation -e .
touch $(1)/.stamp
endef

# Checkpoints are there only while a run is unfinished.
quickstart: setup
	ls -d runs/quickstart/checkpoint-* >/dev/null 2>&1 || rm -rf runs/quickstart
	.venv/bin/polyhead train recipes/quickstart.yaml --output runs/quickstart $$(test ! -d runs/quickstart || echo --resume)
	.venv/bin/polyhead evaluate runs/quickstart recipes/quickstart.yaml --split test
	.venv/bin/python recipes/quickstart/load_without_polyhead.py runs/quickstart

# The studies that the documentation rests on: `make study BUDGET=2h` takes two hours each, and the next call goes on from there.
# Three of them begin with the quickstart's model. Runs that failed do not keep the next study from running; whatever else ends one
# ends all. `study-scripts` is what no grid can say; each script goes on where it was stopped. Both want POLYHEAD_DATA.
STUDIES = $(wildcard recipes/studies/*.yaml)

study: setup
	test -f runs/quickstart/model.safetensors || $(MAKE) quickstart
	failed=0; for study in $(STUDIES); do \
	  .venv/bin/polyhead study $$study --output docs/study $(if $(BUDGET),--budget $(BUDGET)) \
	  || { test $$? = 1 && failed=1; } || exit; \
	done; exit $$failed

study-scripts: setup
	for script in layer_changes layer_probes embedding_changes task_pairs; do .venv/bin/python recipes/$$script.py || exit; done
	for script in six_against_single many_labels out_of_scope scores_again; do \
	  .venv/bin/python recipes/$$script.py --work runs/$$script || exit; \
	done
	.venv/bin/pip install --no-deps setfit==1.2.0 && .venv/bin/python recipes/against_setfit.py

# Reports and pictures anew, of those studies that have results, and their figures where the documentation tells them.
study-report: setup
	for study in $(STUDIES); do \
	  test ! -f docs/study/$$(basename $$study .yaml).jsonl \
	  || .venv/bin/polyhead study $$study --output docs/study --report || exit; \
	done
	.venv/bin/python recipes/layer_changes.py --report
	.venv/bin/python recipes/study_figures.py README.md docs/training.md docs/results.md

# Speed, as ratios in one interleaved run, into docs/performance.md; leave the machine alone meanwhile: its budget is 26 minutes.
# `benchmark-quick` does little of each and writes to runs/performance. Both want POLYHEAD_DATA, the folder of the data sets.
benchmark: setup
	.venv/bin/python benchmarks/performance.py

benchmark-quick: setup
	.venv/bin/python benchmarks/performance.py --quick

performance-report: setup
	.venv/bin/python benchmarks/performance.py --report

test: setup
	.venv/bin/python -m pytest -n 2 --dist loadfile

test-all: setup
	.venv/bin/python -m pytest -n 2 --dist loadfile -m "not gpu"

test-oldest: .venv-oldest/.stamp
	.venv-oldest/bin/python -m pytest -n 2 --dist loadfile

# mypy cannot follow setuptools' folder mapping, so it reads links laid out like the installed package.
check: setup
	.venv/bin/ruff format --check . && .venv/bin/ruff check .
	rm -rf build/types && mkdir -p build/types/polyhead && ln -s $(addprefix $(CURDIR)/,configuration modeling training publishing $(wildcard interface/*)) build/types/polyhead/
	.venv/bin/mypy

format: setup
	.venv/bin/ruff check --fix-only . && .venv/bin/ruff format .
