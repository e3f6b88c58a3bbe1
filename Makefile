# `make` lists what there is. Everything here may be interrupted and run again.
# A second checkout beside a running one: make up LOCAL_AWS_OPTIONS="--port 0 --network auto"

PYTHON := .venv/bin/python
STACK := $(PYTHON) -m tools.local_stack
LOAD := tests/faults/test_under_load.py

# Packages are installed without bytecode, which is written where it is first needed. Not keeping it would make
# every pulumi command three times as slow.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup up preview down env tool-env test test-faults test-load lint bench clean

help: ## List these commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1	\2/p' $(MAKEFILE_LIST) | sed 's/\$$\$$/$$/g' | expand -t 20

setup: ## Install and build what this machine lacks (run by the others, quick when nothing is missing)
	@python3 tools/setup.py $(SETUP_OPTIONS)

up: setup ## Build the image if it changed and roll it out on the local AWS
	@$(STACK) up

preview: setup ## Say what `make up` would do
	@$(STACK) preview

down: ## Remove the local stack and end everything it started
	@if [ -x $(PYTHON) ]; then $(STACK) down; else echo "local stack: nothing is set up here, so nothing runs"; fi

env: ## Print the local environment, for: eval "$$(make -s env)"
	@if [ -x $(PYTHON) ]; then $(STACK) env; else echo "local stack: run make up first" >&2; exit 1; fi

tool-env: ## Print where pulumi and Packer are, for a real account: eval "$$(make -s tool-env)"
	@if [ -x $(PYTHON) ]; then $(STACK) tool-env; else echo "tools: run make setup first" >&2; exit 1; fi

lint: setup ## Check formatting, style and types
	@$(PYTHON) -m ruff format --check --quiet .
	@$(PYTHON) -m ruff check --quiet .
	@$(PYTHON) -m mypy --strict --explicit-package-bases .

test test-faults test-load: SETUP_OPTIONS := --tests
test: setup ## Check everything and run every test but those of the next two
	@$(PYTHON) -m pytest --numprocesses=4 --ignore=tests/faults

test-faults: setup ## Kill a pulumi up wherever it is, and take AWS away from it (long)
	@$(PYTHON) -m pytest --numprocesses=2 --ignore=$(LOAD) tests/faults

test-load: setup ## Put the load balancer under load while images are rolled out, and count what fails (run it alone)
	@$(PYTHON) -m pytest $(LOAD)

bench: setup ## Measure the build, a no-op update, the fingerprint and rollouts, and what releases cost under load
	@$(PYTHON) -m bench
	@$(PYTHON) -m pytest $(LOAD)

clean: down ## Remove what set-up and runs left in this checkout (not the tools in the user's cache)
	@rm -rf .venv .local .packer-runs .mypy_cache .pytest_cache .ruff_cache .hypothesis
