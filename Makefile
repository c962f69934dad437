# make app        open the dashboard on the sample incident
# make test       run every test
# make check      linter, formatter, types
# make benchmark  measure the methods against each other
# make gpu        measure a graphics card, within eight minutes, and write its tables into the documents
# make docs       renew the generated parts of the documents
#
# The first call makes .venv; later calls install only what pyproject.toml changed. Choose the interpreter with
# PYTHON=python3.12, the port with PORT=8600, single tests with ARGS="tests/core/examples".

PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && exit; done; echo python3)
PORT ?= 8501
ADDRESS ?= localhost
# Names under which others reach the dashboard; without any, an address that was opened answers to every name.
HOSTS ?=
SCENARIO ?= misrouted-tickets
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check --quiet
TORCH := torch>=2.6,<2.14

.PHONY: help app test check benchmark gpu docs clean
.DELETE_ON_ERROR:

help:
	@sed -n '1,/^$$/s/^# \{0,1\}//p' Makefile

app: $(VENV)/.app
	@echo "Opening the dashboard at http://$(ADDRESS):$(PORT) on the scenario $(SCENARIO). Stop it with Ctrl-C."
	@$(BIN)/python -m core app --address $(ADDRESS) --port $(PORT) $(foreach host,$(HOSTS),--host '$(host)') --scenario $(SCENARIO)

# Files in their order: the browser's, which take longest, first, so that no process is left alone with one at the end.
test: $(VENV)/.test
	@echo "Running the tests"
	@$(BIN)/python -m pytest --numprocesses=auto --dist=loadfile --no-loadscope-reorder $(ARGS)

check: $(VENV)/.dev
	@echo "Checking style and types"
	@$(BIN)/python -m ruff check .
	@$(BIN)/python -m ruff format --check .
	@$(BIN)/python -m mypy

benchmark: $(VENV)/.app
	@$(BIN)/python -m core benchmark $(ARGS)

gpu: $(VENV)/.app
	@$(BIN)/python -m core benchmark --gpu --out core/benchmark/measured $(ARGS)
	@$(BIN)/python docs/tools/make_docs.py

docs: $(VENV)/.app
	@$(BIN)/python docs/tools/make_docs.py

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache *.egg-info

# A virtual environment with pip. Debian and Ubuntu ship Python without the part that puts pip into it.
$(BIN)/python:
	@command -v "$(PYTHON)" >/dev/null || { \
		echo "Python was not found under the name $(PYTHON). Install Python 3.11 or newer, or name it: make app PYTHON=python3.12" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Headlight needs Python 3.11 or newer; $(PYTHON) is $$("$(PYTHON)" --version 2>&1). Name a newer one: make app PYTHON=python3.12" >&2; exit 1; }
	@"$(PYTHON)" -c 'import venv, ensurepip' 2>/dev/null || { \
		echo "$(PYTHON) cannot make virtual environments yet. On Debian or Ubuntu: sudo apt install python3-venv" >&2; exit 1; }
	@echo "Making the virtual environment $(VENV) with $$("$(PYTHON)" --version)"
	@"$(PYTHON)" -m venv --clear $(VENV)

# PyTorch goes first and alone: whatever build is installed already, the project's own range then accepts it.
$(VENV)/.torch: $(BIN)/python
	@echo "Installing PyTorch (the largest part; some minutes on the first call)"
	@$(PIP) "$(TORCH)"
	@touch $@

$(VENV)/.app: $(VENV)/.torch pyproject.toml
	@echo "Installing Headlight"
	@$(PIP) --editable .
	@touch $@

$(VENV)/.test: $(VENV)/.torch pyproject.toml
	@echo "Installing Headlight with its test tools"
	@$(PIP) --editable ".[test]"
	@command -v chromium >/dev/null || $(BIN)/python -m playwright install chromium \
		|| echo "No Chromium: the browser tests will be skipped"
	@touch $@ $(VENV)/.app

$(VENV)/.dev: $(VENV)/.torch pyproject.toml
	@echo "Installing Headlight with its linters"
	@$(PIP) --editable ".[dev]"
	@touch $@ $(VENV)/.app
