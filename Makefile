# `make` alone lists what can be done. Every target sets up what it needs.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Public clients, each in an environment of its own: the second needs an old protobuf.
CLIENTS := .venv-sdk/.installed .venv-pp/.installed

.DEFAULT_GOAL := help

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

venv: $(STAMP)  ## make .venv with pachctl, pachd and everything the tests need

$(STAMP): pyproject.toml requirements/test.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q --disable-pip-version-check -r requirements/test.txt
	$(BIN)/pip install -q --disable-pip-version-check --no-deps -e .
	@touch $@

demo: $(STAMP)  ## run a two-stage pipeline over real photographs, then add one more picture
	$(BIN)/pip install -q --disable-pip-version-check --no-deps -r requirements/demo.txt
	$(BIN)/python examples/photos/demo.py

clients: $(CLIENTS)  ## install the public clients that the end-to-end tests walk with

.venv-sdk/.installed:
	$(PYTHON) -m venv .venv-sdk
	.venv-sdk/bin/pip install -q --disable-pip-version-check -r requirements/pachyderm-sdk.txt
	@touch $@

.venv-pp/.installed:
	$(PYTHON) -m venv .venv-pp
	.venv-pp/bin/pip install -q --disable-pip-version-check -r requirements/python-pachyderm.txt
	@touch $@

test: $(STAMP) $(CLIENTS) lint types  ## check style, types and layers, then run the tests but the long and the containers'
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow" --ignore tests/e2e/containers --timeout 300

test-containers: $(STAMP)  ## tests that need a container engine and a registry
	$(BIN)/python -m pytest tests/e2e/containers --timeout 300

test-postgres: $(STAMP) $(CLIENTS)  ## what must hold on any database, on the server that HATHI_TEST_POSTGRES names
	@test -n "$$HATHI_TEST_POSTGRES" || { echo "HATHI_TEST_POSTGRES=postgresql://user@host/database names no server" >&2; exit 1; }
	$(BIN)/python -m pytest -n 2 tests/metadata tests/versioning tests/pipelines tests/server/test_fuzz.py \
	  tests/server/test_outage.py tests/server/test_ownership.py tests/server/test_start.py tests/e2e/test_journeys.py tests/e2e/test_isolation.py \
	  tests/e2e/test_clients.py -m "not slow" --timeout 300

test-long: $(STAMP)  ## long property and scale runs
	$(BIN)/python -m pytest -m slow --timeout 3600

lint: $(STAMP)  ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)  ## mypy, strict
	$(BIN)/mypy

format: $(STAMP)  ## rewrite the sources as the linter wants them
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(STAMP)  ## every measurement against its limit or peer
	PYTHONPATH=tests $(BIN)/python -m benchmarks

bench-quick: $(STAMP)  ## the same, smaller: under ten minutes
	PYTHONPATH=tests $(BIN)/python -m benchmarks --quick

docs: $(STAMP)  ## write the reference pages that are generated from code
	$(BIN)/python scripts/docs.py

protos: $(STAMP)  ## regenerate the protocol code from the .proto files
	$(BIN)/python scripts/protos.py

shim: $(STAMP)  ## rebuild the static shim for both architectures
	$(BIN)/pip install -q --disable-pip-version-check -r requirements/shim.txt
	$(BIN)/python shim/build.py

check-generated: $(STAMP)  ## fail when protocol code or shim binaries are not what their sources give
	$(BIN)/python scripts/protos.py --check
	$(BIN)/pip install -q --disable-pip-version-check -r requirements/shim.txt
	$(BIN)/python shim/build.py --check

image:  ## build the image of the server and the workers; BASE=... for another base than the public Python
	docker build -f images/pachd/Dockerfile -t hathi/pachd $(if $(BASE),--build-arg BASE=$(BASE)) \
	  --build-arg VERSION=$$(sed -n 's/^__version__ = "\(.*\)"/\1/p' src/hathi/__init__.py) \
	  --build-arg REVISION=$$(git rev-parse HEAD) .

clean:  ## remove what the targets made
	rm -rf .venv .venv-sdk .venv-pp .mypy_cache .ruff_cache .pytest_cache .hypothesis .demo

.PHONY: help venv demo clients test test-containers test-postgres test-long lint types format bench bench-quick docs protos shim check-generated image clean
