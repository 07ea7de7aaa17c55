# The habits of the house. CI runs what `make` runs.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help venv demo test soak lint format types bench replay-record constraints clean

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
RUNS := $(VENV)/.runs
BENCH := $(VENV)/.bench
PYTHON ?=

help: ## Show this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

venv: $(READY) ## Set up .venv with everything, as constraints.txt pins it (PYTHON=... chooses another)
	@echo ".venv is ready: $$($(BIN)/python --version)"

$(RUNS): pyproject.toml constraints.txt
	@python=$$(PYTHON='$(PYTHON)' .ci/find-python) || exit 1; \
	[ -x $(BIN)/pip ] || "$$python" -m venv --clear $(VENV) || exit 1; \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[server]' -c constraints.txt
	@touch $(RUNS)

$(READY): $(RUNS)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]' -c constraints.txt
	@touch $(READY)

demo: $(RUNS) ## Run everything once on a Temporal server of its own and show what happened
	$(BIN)/gnosari demo

# Tests that mostly wait for processes: more at once than there are cores.
TESTS_AT_ONCE ?= 4

test: $(READY) ## Run the tests (under 5 minutes on 2 cores)
	$(BIN)/python -m pytest -m 'not soak' -n $(TESTS_AT_ONCE) --dist loadscope

soak: $(READY) ## Run the tests that take minutes
	$(BIN)/python -m pytest -m soak --timeout 1800

lint: $(READY) ## Check style and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(READY) ## Mend style and format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(READY) ## Check the types (mypy, strict)
	$(BIN)/mypy

$(BENCH): $(READY) benchmarks/requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r benchmarks/requirements.txt -c constraints.txt
	@touch $(BENCH)

bench: $(BENCH) ## Measure against the alternatives and write docs/benchmarks.md (25 minutes)
	$(BIN)/python -m benchmarks --write docs/benchmarks.md

replay-record: $(READY) ## Record the histories that the replay tests read
	$(BIN)/python -m tests.replay.record

constraints: $(READY) ## Pin the versions in .venv as the tested ones
	$(BIN)/python .ci/freeze.py > constraints.tmp && mv constraints.tmp constraints.txt
	@touch $(RUNS) $(READY)

clean: ## Remove .venv and what the tools left
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
