# `make` alone lists the verbs. Every step of the set-up is skipped when its result matches its inputs.
# For the set-up: PYTHON, AUTO_INSTALL=0, DOCKER_HOST, BASE_IMAGE, TORCH_INDEX_URL, IMAGE.

PYTHON ?= python3
TAG ?= overnight
HOURS ?= 8
POLICY ?= policies/demo.yaml
PYTEST_ARGS ?=
BRING_UP := $(PYTHON) -m sandbox_image.bootstrap
AUTORESEARCH := .venv/bin/autoresearch

.DEFAULT_GOAL := help
.PHONY: help demo overnight test check image data prove report dashboard doctor reap clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

demo: data ## everything from nothing, then six short experiments on the CPU, no key needed
	$(AUTORESEARCH) run --policy policies/demo.yaml --tag demo-$$(date +%Y%m%d-%H%M%S) \
	    --experiments 6 --proposer tuner

overnight: image ## the night: HOURS=8 TAG=overnight; the GPU and the model where there are any; goes on where it stopped
	$(AUTORESEARCH) data --policy policies/default.yaml
	$(AUTORESEARCH) run --policy policies/default.yaml --tag $(TAG) --hours $(HOURS) --proposer auto

test: ## the whole suite, with the real engine: PYTEST_ARGS="-k ledger"
	@$(MAKE) --no-print-directory data POLICY=policies/demo.yaml
	@$(BRING_UP) browser
	.venv/bin/python -m pytest -n 2 --dist loadfile $(PYTEST_ARGS)

check: ## lint and types
	@$(BRING_UP) environment
	.venv/bin/ruff check
	.venv/bin/mypy
	.venv/bin/mypy sandbox_image/bootstrap

image: ## the environment, the engine and the sandbox image
	@$(BRING_UP) all

data: image ## the training and held-out text for POLICY=policies/demo.yaml
	$(AUTORESEARCH) data --policy $(POLICY)

prove: image ## hostile programs against POLICY=policies/demo.yaml on this machine: is each of them stopped?
	$(AUTORESEARCH) prove --policy $(POLICY)

report: ## report.html and progress.png of the newest run
	$(AUTORESEARCH) report

dashboard: ## a live page of the newest run, on this machine alone; Ctrl-C ends it
	$(AUTORESEARCH) dashboard

doctor: ## is this machine ready for a night? a remedy for each miss
	@$(BRING_UP) environment
	$(AUTORESEARCH) doctor

reap: ## remove what a killed run left in the engine
	@$(BRING_UP) environment
	$(AUTORESEARCH) reap

clean: ## remove .venv and .cache; runs, data and images stay
	rm -rf .venv .cache
	@echo "removed .venv and .cache; runs/, data/ and the engine's images are untouched"
