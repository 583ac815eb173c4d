# Everything that a developer does here, as `make <target>`. Needs Python (3.11, 3.12 or 3.13) and make, nothing else.

SHELL := /bin/sh
.DEFAULT_GOAL := help

# Any of these can be set on the command line: `make test WORKERS=8`
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11 python; do \
	$$python -c '$(supported)' 2>/dev/null && echo $$python && break; done)
SERVE ?= 1
WORKERS ?= 2
ARGS ?=
UPGRADE ?= 0

BIN := .venv/bin
STAMP := .venv/.set-up-by-make
EMULATOR := tests/emulator
EMULATOR_STAMP := .venv-emulator/.set-up-by-make
supported = import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))

# ── Use it ───────────────────────────────────────────────────────────────────────────────────────────────────────────

.PHONY: help
help:  ## Show this list
	@echo "make <target>:"
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(STAMP) $(EMULATOR_STAMP)  ## Install everything into .venv (PYTHON=python3.12 chooses the interpreter)

.PHONY: demo
demo: setup  ## Deliver real data, show the status, serve the UI and the docs (SERVE=0: don't serve)
	$(BIN)/datahub demo $(if $(filter 0,$(SERVE)),--no-serve) $(ARGS)

.PHONY: aws-demo
aws-demo: setup  ## The same on an AWS emulator, through Dagster with PostgreSQL, as deploy/ has it (SERVE=0: don't serve)
	$(BIN)/python -m tests.demo_on_aws $(if $(filter 0,$(SERVE)),--no-serve) $(ARGS)

# ── Change it ────────────────────────────────────────────────────────────────────────────────────────────────────────

.PHONY: test
test: setup  ## Run all tests (ARGS='-k rollback' chooses, WORKERS=0 runs in one process)
	$(BIN)/pytest -n $(WORKERS) $(ARGS)

.PHONY: test-fast
test-fast: setup  ## Run the tests that start neither dbt, Dagster, the AWS emulator nor Chromium
	$(BIN)/pytest -n $(WORKERS) -m 'not slow and not aws and not browser' $(ARGS)

.PHONY: lint
lint: setup  ## Check style, format, layers and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo
	$(BIN)/pyright

.PHONY: format
format: setup  ## Format the code and mend what ruff can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: docs
docs: setup  ## Write docs/reference/*.md from the code
	$(BIN)/python -m datahub_dagster.reference

.PHONY: bench
bench: setup  ## Measure a release, step by step, beside plain dbt
	$(BIN)/python -m benchmarks $(ARGS)

.PHONY: lock
lock: | $(BIN)/uv  ## Write constraints.txt and the emulator's requirements.txt (UPGRADE=1: take the newest versions)
	$(BIN)/uv pip compile --quiet --universal --all-extras --python-version 3.11 --no-header --no-annotate \
		--no-emit-index-url --no-emit-find-links $(if $(filter 1,$(UPGRADE)),--upgrade) \
		--output-file constraints.txt pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate \
		--no-emit-index-url --no-emit-find-links $(if $(filter 1,$(UPGRADE)),--upgrade) \
		--output-file $(EMULATOR)/requirements.txt $(EMULATOR)/requirements.in

.PHONY: clean
clean:  ## Remove caches and builds; keep what `make setup` made, and the hub's data
	rm -rf build dist .pytest_cache .ruff_cache .import_linter_cache .hypothesis dbt_project/target dbt_project/logs
	find . -path './.venv*' -prune -o -type d -name __pycache__ -exec rm -rf {} +

# ── How the set-up is made ───────────────────────────────────────────────────────────────────────────────────────────

# The stamp is newer than what it was made from, or make makes it again: so `setup` costs nothing the second time.
# Bytecode is compiled at once: without it the first start of dbt takes twice as long.
$(STAMP): pyproject.toml constraints.txt | $(BIN)/uv
	$(BIN)/uv pip install --python $(BIN)/python --compile-bytecode --constraint constraints.txt --editable '.[dev,demo,notebook,postgres]'
	@touch $@

# The AWS emulator wants other versions of what the hub uses, so it has an environment of its own.
$(EMULATOR_STAMP): $(EMULATOR)/requirements.txt | $(STAMP)
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv-emulator
	$(BIN)/uv pip install --quiet --python .venv-emulator/bin/python --compile-bytecode --requirement $(EMULATOR)/requirements.txt
	@touch $@

# uv comes from pip, at the version of constraints.txt, since Python is all that this may ask for.
$(BIN)/uv:
	@test -n '$(PYTHON)' || { echo "make: no Python 3.11, 3.12 or 3.13 was found (python3 is: $$(python3 --version 2>&1))."; \
		echo "      Install one, or say where it is: make setup PYTHON=/path/to/python3.12"; exit 2; } >&2
	@$(PYTHON) -c '$(supported)' || { echo "make: Python 3.11, 3.12 or 3.13 is needed; $(PYTHON) is: $$($(PYTHON) --version 2>&1)."; \
		echo "      Say where one is: make setup PYTHON=/path/to/python3.12"; exit 2; } >&2
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "make: $(PYTHON) has no module venv."; \
		echo "      On Debian and Ubuntu: sudo apt-get install python3-venv"; exit 2; } >&2
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt uv
