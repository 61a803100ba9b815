# Everything is written to build/, .venv/ and the cache folder (~/.cache/imctwin); after the first
# `make demo` and `make test` no network is needed.

PYTHON ?= python3
BIN := .venv/bin

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export HYPOTHESIS_STORAGE_DIRECTORY := build/hypothesis
export RUFF_CACHE_DIR := build/ruff

PYTEST := $(BIN)/python -m pytest -o cache_dir=build/pytest

.PHONY: demo test verify bench qor lint clean packages

demo: .venv/.base
	$(BIN)/imctwin crosscheck memristor --out build/crosscheck/memristor

test: .venv/.test
	$(BIN)/python -m sim.toolchain
	$(PYTEST) -n 2 --dist loadfile

# The long evidence: all tests, the cross-check with either form of chi and with wider slices (on the
# small macro: g++ takes many minutes for the 256x64 tile with them), random operations.
verify: test
	$(BIN)/imctwin verify float
	$(BIN)/imctwin crosscheck memristor --out build/verify/default
	$(BIN)/imctwin crosscheck memristor --set update.variant=bf16 --set training.epochs=1 --out build/verify/bf16
	$(BIN)/imctwin crosscheck memristor --macro small --set macro.slice_bits=2 --set update.scheme=plus_only \
		--set update.keep_remainder=false --set training.epochs=1 --out build/verify/slices
	$(BIN)/imctwin cosim memristor --operations 60 --out build/verify/cosim
	for scheme in sgd ttv1 ttv2 cttv2 agad; do \
		$(BIN)/imctwin crosscheck chopped --scheme $$scheme --pin-engine kernel \
			--out build/verify/$$scheme || exit 1; \
	done
	$(BIN)/imctwin crosscheck chopped --set digital.variant=bf16 --set training.epochs=2 \
		--pin-engine kernel --out build/verify/agad_bf16
	$(BIN)/imctwin cosim chopped --operations 60 --out build/verify/cosim_chopped

bench: .venv/.base
	$(BIN)/imctwin bench kernels

qor: .venv/.test
	$(BIN)/imctwin bench qor
	$(BIN)/imctwin bench qor --sweep

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
