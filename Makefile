# limen: every task of the project. `make` alone lists them.

.DEFAULT_GOAL := help
SHELL := /bin/sh
MAKEFLAGS += --no-print-directory
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# The first Python that is new enough; name another one with `make PYTHON=...`.
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for each in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$each" -c '$(NEW_ENOUGH)' 2>/dev/null && echo "$$each" && break; done)

# The environment is named after what decides its contents, and made anew when that changes.
CONTENTS := $(shell cat requirements.lock pyproject.toml | cksum | cut -d ' ' -f 1)
ENVIRONMENT := .venv/.complete-$(CONTENTS)
BIN := .venv/bin
TOOLS := .stamps/tools
# Twice: errors only.
QUIET := --quiet --quiet

# Runs a command and shows what it printed only if it fails.
quietly = printed=$$($(1) 2>&1) || { printf '%s\n' "$$printed"; exit 1; }

.PHONY: help run test check gen migrate bench lock

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

run: $(ENVIRONMENT) ## Start everything in the foreground; Ctrl-C stops it
	@$(BIN)/limen up

test: check ## Run every check and every test
	@echo "tests"
	@$(BIN)/pytest --quiet --numprocesses auto --maxprocesses 4 --dist loadfile

check: $(ENVIRONMENT) ## Check style, types, architecture and the contract
	@echo "style"
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet
	@echo "types"
	@$(BIN)/mypy --no-error-summary
	@echo "architecture"
	@$(call quietly,$(BIN)/lint-imports --no-logo)
	@echo "contract"
	@.ci/contract

gen: $(ENVIRONMENT) ## Generate messages and stubs from the contract
	@$(call quietly,PATH="$(CURDIR)/$(BIN):$$PATH" python proto/generate.py)

migrate: $(ENVIRONMENT) ## Bring the database of LIMEN_DATABASE_URL to the newest schema
	@$(BIN)/limen migrate

bench: $(ENVIRONMENT) ## Measure throughput and latency
	@$(BIN)/python -m bench

lock: $(TOOLS)/bin/uv ## Choose new versions of what limen depends on
	@$(TOOLS)/bin/uv pip compile pyproject.toml --group dev --all-extras --universal -p 3.11 \
		--upgrade --generate-hashes --no-header --no-emit-index-url --no-emit-find-links \
		--quiet -o requirements.lock
	@git diff --stat -- requirements.lock

$(ENVIRONMENT):
	@test -n "$(PYTHON)" || { echo "limen needs Python 3.11 or newer: install it, or name it with make PYTHON=..."; exit 1; }
	@echo "preparing .venv: this happens once, and again when the dependencies change"
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/pip install $(QUIET) --require-hashes -r requirements.lock
	@$(BIN)/pip install $(QUIET) --no-deps --no-build-isolation -e .
	@touch $@

$(TOOLS)/bin/uv:
	@$(PYTHON) -m venv --clear $(TOOLS)
	@$(TOOLS)/bin/pip install $(QUIET) uv
