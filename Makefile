# Everything goes through .venv; `make help` lists the targets.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
DEMO ?= demo
HISTORY ?= $(DEMO)/history
LEADODDS_HOME ?= models/store
BENCH_LEADS ?= 1000000
export LEADODDS_HOME
# One OpenMP thread a process: forked children hang otherwise, and the tail suffers.
export OMP_NUM_THREADS := 1
export MLFLOW_DISABLE_TELEMETRY := true

.DEFAULT_GOAL := help
.PHONY: help setup setup-all setup-compare demo train score serve test test-all test-long check format lint type layers doctest docs bench bench-features bench-load bench-night bench-page bench-serving bench-zipf figures lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: .venv/.base ## install everything a user needs into .venv
setup-all: .venv/.all ## install what only the long tests need, too
setup-compare: .venv/.compare ## install the libraries that `make figures` compares with, too

demo: export LEADODDS_HOME := $(DEMO)/store
demo: setup ## simulate a company up to today, train, score its leads, fill the page of the server with them
	$(BIN)/leadodds simulate $(DEMO) --leads 5000 --seed 7 --until now
	$(BIN)/leadodds check $(DEMO)/history
	$(BIN)/leadodds train $(DEMO)/history --quick --promote
	$(BIN)/leadodds score $(DEMO)/history --out $(DEMO)/scores.parquet
	@rm -f $(DEMO)/store/service.db $(DEMO)/store/service.db-*
	$(BIN)/leadodds load $(DEMO)/history
	$(BIN)/leadodds score $(DEMO)/history --out sqlite:///$(DEMO)/store/service.db --quiet
	$(BIN)/python -m docs.demo $(DEMO)/history $(DEMO)/scores.parquet
	@echo
	@echo "That was a made-up company. To go on:"
	@echo "  LEADODDS_HOME=$(DEMO)/store $(BIN)/leadodds serve      then open http://127.0.0.1:8000 in a browser"
	@echo "  $(BIN)/leadodds check FOLDER                        looks at your own leads, interactions, outcomes"
	@echo "  $(BIN)/leadodds train FOLDER --promote              learns from them; docs/tutorial.md goes on from here"

train: setup ## train on HISTORY= and promote if the gate allows it
	$(BIN)/leadodds train $(HISTORY) --promote

score: setup ## score every lead of HISTORY= into scores.parquet
	$(BIN)/leadodds score $(HISTORY) --out scores.parquet

serve: setup ## answer over HTTP on http://127.0.0.1:8000
	$(BIN)/leadodds serve

test: setup ## the tests, in under five minutes
	$(BIN)/pytest -n 2 --dist loadfile -m "not all and not long"

test-all: setup-all ## the tests with Spark, browser and notebooks: what CI runs
	$(BIN)/pytest -n 2 --dist loadfile -m "not long"

test-long: setup-all setup-compare ## longer proofs, by hand
	$(BIN)/pytest -m long

check: lint type layers ## format, lint, strict types, layers

format: setup ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: setup ## formatting and lint, nothing changed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

type: setup ## strict types of our packages
	$(BIN)/mypy

layers: setup ## imports point one way
	$(BIN)/pytest -q tests/test_layers.py

doctest: setup ## the examples in docstrings
	$(BIN)/pytest -q features models training serving leadodds_cli leadodds_python docs leadodds.py

docs: setup ## generate the reference pages in docs/
	$(BIN)/python -m docs.pages docs

bench: setup ## print the figures of the benchmarks, nothing asserted
	$(BIN)/python -m tests.benchmarks

bench-serving: setup ## measure the service beside an empty handler and MLflow (needs wrk)
	$(BIN)/python -m tests.benchmarks.serving.speed

bench-page: setup ## measure the first view of the page with 100,000 open leads
	$(BIN)/python -m tests.benchmarks.serving.page_speed

bench-features: setup ## compare the features with DuckDB, Polars and pandas; simulates a million leads first
	$(BIN)/python -m tests.benchmarks.night features --leads $(BENCH_LEADS)

bench-night: setup ## time the whole night beside DuckDB's features, and at a tenth and three times the leads
	$(BIN)/python -m tests.benchmarks.night night --leads $(BENCH_LEADS)

bench-zipf: setup ## time the night of leads of which a few have most of the interactions, beside DuckDB's features
	$(BIN)/python -m tests.benchmarks.night zipf --leads $(BENCH_LEADS)

bench-load: setup ## time the loading of a million leads into SQLite, killed three times on its way
	$(BIN)/python -m tests.benchmarks.load --leads $(BENCH_LEADS)

figures: setup-compare ## measure the figures of docs/figures.md again, beside other libraries; HISTORIES= names real ones
	$(BIN)/python -m tests.benchmarks.figures $(HISTORIES)

lock: .venv/.uv ## update the locked requirements
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
		--custom-compile-command "make lock" --extra train --extra postgres --extra excel --extra dev pyproject.toml -o requirements/base.txt
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
		--custom-compile-command "make lock" --extra train --extra postgres --extra excel --extra dev --extra spark --extra browser --extra tracking --extra documents \
		-c requirements/base.txt pyproject.toml -o requirements/all.txt
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
		--custom-compile-command "make lock" --extra compare -c requirements/base.txt pyproject.toml -o requirements/compare.txt

clean: ## remove generated files, except the models in models/store
	rm -rf .venv demo build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis scores.parquet

.venv/.uv:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
		|| { echo "LeadOdds needs Python 3.11 to 3.13; name one with make PYTHON=python3.11"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -q --disable-pip-version-check uv
	@touch $@

# Compiled here: whoever runs a server may be unable to write beside the sources, and would compile at every start.
.venv/.base: .venv/.uv requirements/base.txt pyproject.toml
	$(BIN)/uv pip install -q --compile-bytecode --python $(BIN)/python --require-hashes -r requirements/base.txt
	$(BIN)/uv pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e .
	$(BIN)/python -m compileall -q features models training serving leadodds_cli leadodds_python leadodds.py
	@touch $@

.venv/.all: .venv/.base .venv/.node requirements/all.txt
	$(BIN)/uv pip install -q --compile-bytecode --python $(BIN)/python --require-hashes -r requirements/all.txt
	@test -x /usr/bin/chromium || { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; } \
		|| { echo "The tests of the page need Chromium: sudo apt-get install chromium"; exit 1; }
	@touch $@

.venv/.compare: .venv/.base requirements/compare.txt
	$(BIN)/uv pip install -q --compile-bytecode --python $(BIN)/python --require-hashes -r requirements/compare.txt
	@touch $@

# The tracking libraries for Node, in the versions of the lock, beside those for Python.
.venv/.node: .venv/.base tests/support/tracking/package-lock.json
	@command -v npm > /dev/null || { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends nodejs npm; } \
		|| { echo "The tests of tracking libraries need Node 18 or newer: sudo apt-get install nodejs npm"; exit 1; }
	mkdir -p .venv/node && cp tests/support/tracking/package*.json .venv/node
	npm ci --prefix .venv/node --ignore-scripts --no-audit --no-fund --silent
	@touch $@
