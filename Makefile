# Everything is written to build/, .venv/ and the cache folder (~/.cache/imctwin); after the first
# `make demo` and `make test` no network is needed.

PYTHON ?= python3
BIN := .venv/bin

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export HYPOTHESIS_STORAGE_DIRECTORY := build/hypothesis
export RUFF_CACHE_DIR := build/ruff

PYTEST := $(BIN)/python -m pytest -o cache_dir=build/pytest

.PHONY: demo test verify bench lint clean packages

demo: .venv/.base
	$(BIN)/imctwin crosscheck memristor --out build/crosscheck/memristor

test: .venv/.test
	$(BIN)/python -m sim.toolchain
	$(PYTEST)

verify: .venv/.test
	$(BIN)/python -m sim.toolchain
	IMCTWIN_LONG=1 $(PYTEST)

bench: .venv/.base
	$(BIN)/python -m sim.bench build/bench.json

lint: .venv/.test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/basedpyright --level error

clean:
	rm -rf build

packages:
	@PYTHON=$(PYTHON) sh .ci/packages

$(BIN)/pip: | packages
	$(PYTHON) -m venv .venv

.venv/.base: pyproject.toml $(BIN)/pip | packages
	$(BIN)/pip install -q -e .
	touch $@

.venv/.test: pyproject.toml $(BIN)/pip | packages
	$(BIN)/pip install -q -e '.[test]'
	touch .venv/.base $@
