# habitue: everything runs through .venv, which set-up makes once; later starts need no network.
.DEFAULT_GOAL := help
.PHONY: help setup jars check test accept bench demo mlflow package cluster-test lock clean
VENV := .venv/bin
PYTEST := $(VENV)/python -m pytest
# each worker has a Spark of its own and takes whole files, since the tests of a file share what they have made
WORKERS := -n 2 --dist loadfile --no-loadscope-reorder
export MLFLOW_DISABLE_TELEMETRY := true
export DO_NOT_TRACK := true

help: ## what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Python packages, Java if none is found, the jars of Delta Lake; does nothing where all is in place
	@PYTHON='$(PYTHON)' sh setup/environment.sh

jars: setup ## fetch the jars of Delta Lake into the environment, checked by their digests
	@$(VENV)/python -m habitue.lake.fetch_jars

check: setup ## format, lint, types, direction of imports
	$(VENV)/ruff format --check .
	$(VENV)/ruff check .
	$(VENV)/mypy
	$(PYTEST) -q tests/test_architecture.py

test: setup ## all tests, in small sizes
	$(PYTEST) $(WORKERS)

accept: setup .venv/.bench ## all tests in full sizes, an hour and on slow cores more than two; figures go to docs/acceptance.md
	HABITUE_ACCEPT=1 $(PYTEST) $(WORKERS) -p tests.acceptance -m 'not cluster'

bench: setup .venv/.bench ## measure beside peers, SIZE=small (9 minutes), medium or large; figures go to docs/performance.md
	$(VENV)/python -m benchmarks --size $(or $(SIZE),small)

.venv/.bench: requirements/bench.txt
	$(VENV)/python -m pip install --quiet --require-hashes --no-deps -r requirements/bench.txt
	@touch $@

demo: setup ## the whole run on real retail data, then on a planted lake whose truth is known
	@$(VENV)/habitue demo --both

mlflow: setup ## open the models in the browser
	@$(VENV)/habitue mlflow

package: setup ## wheel and environment archive for a cluster, into dist/
	@$(VENV)/python setup/package.py

cluster-test: package ## run the package on a Spark standalone cluster of this machine
	HABITUE_CLUSTER=1 $(PYTEST) -m cluster tests/cluster

lock: setup ## resolve requirements/*.txt anew
	@sh setup/lock.sh

clean: ## remove caches and packages; lake, models and .venv stay
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
