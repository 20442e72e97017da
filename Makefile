# Two commands do everything on a fresh machine: `make demo` and `make test`.
VENV ?= .venv
BIN := $(VENV)/bin
WORKERS ?= $(shell expr $$(nproc) + 4) # many tests wait for a server more than they compute
export VENV
.DEFAULT_GOAL := test
.PHONY: bench collected demo dev docs format lint runtime test

runtime:
	@tools/environment runtime

dev:
	@tools/environment dev

demo: runtime ## the main job, end to end, on the embedded defaults
	@PATH="$(abspath $(BIN)):$$PATH" tools/demo

test: dev ## all tests; services that are missing make theirs skip, with the command that brings them
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup $(ARGS)
	@$(if $(and $(THOROUGH),$(if $(ARGS),,all)),tools/airflow test 3.2 && tools/airflow test 3.1)

lint: dev ## formatting, style, types, walls between packages
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

collected: docs # byte-code of all tests and what they import: six processes at once would each make it; `make test` tells mistakes
	-@$(BIN)/python -m pytest --collect-only -q >/dev/null

format: dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: dev ## docs/_build/html, warnings are errors
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build/html

bench: dev ## every figure of the docs, as ratios to its peers
	env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m benchmarks $(ARGS)
