# Four verbs. Each sets up what it needs, once (.ci/setup).
.PHONY: demo test check bench
SHELL := /bin/sh
bin := .venv/bin
corpus := $(abspath ../shared/corpus)
ifneq ($(wildcard $(corpus)),)
export CONNECTOR_CORPUS ?= $(corpus)
endif
export PYTHON ?= python3
setup = @PYTHON='$(PYTHON)' sh .ci/setup

demo:
	$(setup)
	@$(bin)/python -m tests.demo

test:
	$(setup)
	$(bin)/python -m pytest -q -n auto --maxprocesses 4

check:
	$(setup)
	$(bin)/ruff format --check .
	$(bin)/ruff check .
	$(bin)/mypy sdk codegen/connector_codegen templates/connector_templates/__init__.py connectors/sftp/connector_sftp connectors/odbc/connector_odbc
	$(bin)/lint-imports
	$(bin)/python -m sphinx -W -n -q -b html docs docs/_build/html
	@$(MAKE) --no-print-directory test

bench:
	$(setup)
	@$(bin)/python -m tests.benchmarks
