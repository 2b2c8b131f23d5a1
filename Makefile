# The verbs of this project. Each is one line that calls a real tool.
PYTHON ?= $(firstword $(shell for p in python3.11 python3.12 python3.13 python3; do $$p -c 'import sys; sys.exit(not (3,11) <= sys.version_info < (3,14))' 2>/dev/null && echo $$p; done))
BIN := .venv/bin
LOCK := uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header pyproject.toml

.PHONY: help setup demo up test test-kafka chaos lint format bench bench-nab bench-planted bench-eta bench-contributions bench-confidence bench-cold-start bench-entities bench-habits quality figures docs lock clean bench-months

help: ## list the verbs
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

.venv/core: requirements/core.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed; set PYTHON=/path/to/python"; exit 2; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes --no-deps -r requirements/core.txt
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BIN)/python -m metrics_ai.precompile
	@touch $@

.venv/dev: requirements/dev.txt .venv/core
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes --no-deps -r requirements/dev.txt
	@touch $@

.venv/bench: requirements/bench.txt .venv/dev
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes --no-deps -r requirements/bench.txt
	@touch $@

setup: .venv/core ## make the environment at .venv

demo: .venv/core ## the whole stack, a real fault on this machine, the incident as it forms, the budget that it burns
	$(BIN)/python -m metrics_ai.demo

up: .venv/core ## the whole stack on this machine
	$(BIN)/metrics-ai up

test: .venv/dev ## every test that is quick and needs no Java
	$(BIN)/python -m pytest -n 3 --dist loadfile

test-kafka: .venv/dev ## whole stacks, long walks, and brokers' tests against a real Apache Kafka (Java 17, Maven)
	$(BIN)/python -m pytest -m "kafka or slow" tests

chaos: .venv/dev ## the long kill trials; interrupt and go on as you like
	$(BIN)/python -m pytest -m chaos tests/integration

lint: .venv/dev ## format, lint, types, layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/dev ## put the code in order
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: .venv/bench ## measure; writes benchmarks/results/latest.json
	$(BIN)/python -m benchmarks

bench-planted: .venv/core ## planted faults, quiet noise, peers; writes benchmarks/results/planted.json
	$(BIN)/python -m benchmarks.planted --seed held-out

bench-eta: .venv/core ## disks that fill, and some that never do; writes benchmarks/results/eta.json
	$(BIN)/python -m benchmarks.eta

bench-contributions: .venv/core ## what a score is made of: does it add up, is the planted window first
	$(BIN)/python -m benchmarks.contributions --data $(or $(DATA),../shared/data/nab)

bench-confidence: .venv/dev ## how sure is how often right; writes benchmarks/results/confidence.json
	$(BIN)/python -m benchmarks.confidence

bench-cold-start: .venv/core ## how soon new series are judged; writes benchmarks/results/cold_start.json
	$(BIN)/python -m benchmarks.cold_start

bench-entities: .venv/core ## signals of one entity together; writes benchmarks/results/entities.json
	$(BIN)/python -m benchmarks.entities

bench-habits: .venv/core ## what is usual against naive, after a shift, a fixed limit on NAB, one series; DATA=folder of NAB
	$(BIN)/python -m benchmarks.habits --seed held-out --data $(or $(DATA),../shared/data/nab)
bench-months: .venv/core ## days of the month: how near, how quiet; writes benchmarks/results/months.json
	$(BIN)/python -m benchmarks.months

bench-nab: .venv/dev ## score the detector on NAB; DATA=folder with windows.json
	$(BIN)/python -m benchmarks.nab --data $(or $(DATA),../shared/data/nab)

quality: .venv/core ## write the results' tables into the README and the detection guide
	$(BIN)/python -m benchmarks.quality

figures: .venv/core ## draw the guides' figures anew; DATA=folder of NAB
	$(BIN)/python -m benchmarks.figures --data $(or $(DATA),../shared/data/nab)

docs: .venv/dev ## write the generated reference anew
	$(BIN)/python -m metrics_ai.reference docs/reference

lock: ## resolve the requirements anew (needs uv)
	$(LOCK) --extra dev --extra bench -o requirements/bench.txt
	$(LOCK) --extra dev -c requirements/bench.txt -o requirements/dev.txt
	$(LOCK) -c requirements/bench.txt -o requirements/core.txt

clean: ## remove the environment and caches
	rm -rf .venv .cache build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
