# Everything a person types. `make` alone lists it.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
CONTEXT ?=
STACK ?=
FROM ?=
TO ?=
CHECK ?=
COVERAGE ?=
YES ?=
ON = $(if $(STACK),--stack $(STACK)) $(ARGS)
BIN := .venv/bin
RUN := $(BIN)/python -m
READY := .venv/.ready
SLOWEST := --durations=25 --durations-min=10

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# The virtual environment, from the lock and nothing else; made again when the lock changes.
$(READY): requirements-dev.lock requirements-uv.lock
	@echo "Installing $$(grep -c == requirements-dev.lock) Python packages into .venv" >&2
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { apt-get update -qq && apt-get install -qq -y python3-venv; } >&2
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements-uv.lock
	@$(BIN)/uv pip sync -q --python $(BIN)/python --compile-bytecode --require-hashes requirements-dev.lock
	@touch $@

up: $(READY) ## A running, verified MLflow (CONTEXT=name: on a cluster you have)
	@$(RUN) ops up $(if $(CONTEXT),--context $(CONTEXT))

down: $(READY) ## Stop it and remove all of it (cached builds stay)
	@$(RUN) ops down $(if $(CONTEXT),--context $(CONTEXT))

env: $(READY) ## eval "$(make -s env)" points pulumi, kubectl and helm in your shell at this MLflow
	@$(RUN) ops env $(if $(CONTEXT),--context $(CONTEXT))

verify: $(READY) ## Log in, log a run, get its artifact back, find both in their stores
	@$(RUN) ops verify $(ON)

recover: $(READY) ## Bring a stack back after `pulumi` was killed (STACK=name)
	@$(RUN) ops recover $(ON)

adopt: $(READY) ## Bring a release installed by hand with Helm into the stack (STACK=name, YES=1: do not ask)
	@$(RUN) ops adopt $(if $(YES),--yes) $(ON)

destroy: $(READY) ## Say what is lost, ask for the stack's name, destroy it (STACK=name)
	@$(RUN) ops destroy $(ON)

drift: $(READY) ## Compare the cluster with what the stack says (ARGS=--repair puts it back)
	@$(RUN) ops drift $(if $(YES),--yes) $(ON)

policy: $(READY) ## Check what `pulumi up` would create against the platform's rules (STACK=name)
	@$(RUN) ops policy $(ON)

policy-pack: $(READY) policy/.venv/.ready ## What `pulumi up --policy-pack policy` needs

policy/.venv/.ready: policy/requirements.lock
	@$(BIN)/uv venv -q --clear --python $(BIN)/python policy/.venv
	@$(BIN)/uv pip sync -q --python policy/.venv/bin/python --compile-bytecode --require-hashes policy/requirements.lock
	@touch $@

values: $(READY) ## The Helm values in force
	@$(RUN) ops values $(ON)

defaults: $(READY) ## The defaults of the stack's chart
	@$(RUN) ops defaults $(ON)

compare: $(READY) ## The stack's values, those in force and the chart's defaults, side by side
	@$(RUN) ops compare $(ON)

images: $(READY) ## The images that a stack runs: registries, digests, what is frozen (STACK=name, ARGS=--pin)
	@$(RUN) ops images $(ON)

mirror: $(READY) ## Copy chart and images to a private registry, point the stack at it (TO=host/path, STACK=name)
	@$(RUN) ops mirror $(if $(TO),--to $(TO)) $(ON)

credentials: $(READY) ## The server's address and the administrator's login, in plain text
	@$(RUN) ops credentials $(ON)

promote: $(READY) ## Bring a release from one stack to the next (FROM=dev TO=staging; CHECK=1: only look; YES=1)
	@$(RUN) ops promote $(if $(FROM),--from $(FROM)) $(if $(TO),--to $(TO)) $(if $(CHECK),--check) \
		$(if $(YES),--yes) $(ARGS)

rotate: $(READY) ## Change the credentials while it serves (STACK=name; ARGS="--help": how to pick some)
	@$(RUN) ops rotate $(if $(YES),--yes) $(ON)

diagnose: $(READY) ## Why a stack does not come up or does not serve, and the fix (STACK=name)
	@$(RUN) ops diagnose $(ON)

backup: $(READY) ## Back up databases and artifacts now (STACK=name, ARGS=--list: what there is)
	@$(RUN) ops backup $(ON)

restore: $(READY) ## Restore into a new or emptied stack (FROM=latest, a name or s3://..., STACK=name, YES=1)
	@$(RUN) ops restore $(if $(FROM),--from $(FROM)) $(if $(YES),--yes) $(ON)

gc: $(READY) ## Remove for good what was deleted long ago (STACK=name, ARGS=--dry-run: only list it)
	@$(RUN) ops gc $(if $(YES),--yes) $(ON)

lint: $(READY) ## Formatting, lint, types
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

test-fast: $(READY) ## Unit and contract tests: no cluster, seconds
	@$(RUN) lab build --checks
	@$(MAKE) -s -j4 lint test-program test-contract test-tools

# Side by side. COVERAGE is that of the program, and not asked for each time: traced, its tests cost three times as much.
test-program: $(READY)
	@$(RUN) pytest tests/program $(if $(COVERAGE),--cov --cov-report=term)
# The lab's and the bench's go with the contracts, so that all three end together.
test-contract: $(READY)
	@$(RUN) pytest tests/contract $(wildcard tests/unit/test_lab_*.py tests/unit/test_bench*.py)
test-tools: $(READY)
	@$(RUN) pytest tests/unit --ignore-glob='*/test_lab_*' --ignore-glob='*/test_bench*'

test-e2e: $(READY) ## The real engine, cluster, Helm, MLflow, PostgreSQL and S3
	@$(RUN) lab build --tests
	@$(RUN) pytest tests/e2e -m "not alone" -n 3 --dist loadfile --no-loadscope-reorder $(SLOWEST)
	@$(RUN) pytest tests/e2e -m alone $(SLOWEST)

test: export COVERAGE := 1
test: test-fast test-e2e ## All tests, and a check that they cover every branch of the program

bench: $(READY) ## Measure every promised figure against its bar (ARGS="--help": how to pick some)
	@$(RUN) bench $(ARGS)

screenshots: $(READY) ## Retake the pictures in docs/images, from the end-to-end test in a browser
	@$(RUN) lab build --tests
	@$(RUN) pytest tests/e2e/test_browser.py --screenshots docs/images

docs: $(READY) ## Write the generated parts of the README and of Pulumi.yaml
	@$(RUN) ops.reference

site: $(READY) ## Build the documentation as a searchable site, in site/; a broken link is an error
	@NO_MKDOCS_2_WARNING=1 $(RUN) mkdocs build

drawings: $(READY) ## Draw the pictures in docs/ from their sources (needs Graphviz)
	@$(RUN) ops.drawings

lock: $(READY) ## Resolve the requirements again, with hashes
	@for set in requirements requirements-dev policy/requirements; do \
		$(BIN)/uv pip compile -q --python-version 3.11 --generate-hashes --no-header --no-annotate \
			--no-emit-index-url --no-emit-find-links $$set.txt -o $$set.lock; done

# Every target but the files that others stand on.
.PHONY: $(shell sed -n 's/^\([a-z0-9-]*\):.*/\1/p' $(MAKEFILE_LIST))
