# One command per chore; `make` lists them. Settings of the tools are in pyproject.toml.
# The environment is .venv where there is one; any other: make check PYTHON=path/to/python
PYTHON ?= $(if $(wildcard .venv/bin/python),.venv/bin/python,python)
BIN = $(dir $(shell command -v $(PYTHON)))
HTML = docs/_build/html

# Examples draw without a screen.
export MPLBACKEND = Agg
# A module is compiled when it is first imported, because most of an environment never is. The
# second variable would have each process do that again.
export PIP_COMPILE = 0
unexport PYTHONDONTWRITEBYTECODE

# The laws of the arithmetic and the basics of the classifier: under a minute in all.
FAST = activations bins calibration classifier coefficients curve far_rows features inputs layers \
  losses model monitor network objective old_files optimizers rows scaling schedules \
  scoring solvers splits targets validation views
# What does arithmetic of its own on the dependencies, or reads what newer ones have written.
LOWEST = blas losses network objective scaling targets calibration old_files
test_files = $(patsubst %,tests/test_%.py,$(1))

.PHONY: help install format check static lint types contract fast test coverage lowest clients bench docs links \
  package readme all clean-docs

help:
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

install: ## A .venv with what `make check` needs
	python3 -m venv .venv
	.venv/bin/python -m pip install -q -e ".[test,check]"

format: ## Lay out the code as `make check` wants it
	$(PYTHON) -m ruff format .

check: static fast ## What a commit must pass: static, and the fast tests

static: lint types contract ## Layout, lint, types and imports

lint: ## Layout and lint
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .

types: ## Types, of a program that uses them as well
	$(PYTHON) -m mypy skmax
	$(PYTHON) -m mypy --strict --follow-imports=silent tests/typed_program.py

contract: ## Whether imports go down the layers
	$(BIN)lint-imports --no-cache --no-logo

fast: ## The fast tests
	$(PYTHON) -m pytest -n 2 $(call test_files,$(FAST))

test: ## The whole suite, as the README has it
	$(PYTHON) -m pytest -n 2 --dist worksteal

# Tracing takes half as long again as the tests do.
coverage: ## The whole suite, and which lines it runs: fails below the share in pyproject.toml
	$(PYTHON) -m pytest -n 2 --dist worksteal --cov

# In an environment of its own: threadpoolctl, which scikit-learn brings, at its lowest, too.
lowest: ## The arithmetic at the lowest versions that pyproject.toml allows
	rm -rf .venv-lowest
	$(PYTHON) -m venv .venv-lowest
	.venv-lowest/bin/python -m pip install -q uv
	.venv-lowest/bin/python -m uv pip install -q --python .venv-lowest/bin/python \
	  --resolution lowest-direct -e ".[test]" "threadpoolctl>=3.5"
	.venv-lowest/bin/python -m pytest $(call test_files,$(LOWEST)) -k "not other_processes"

clients: ## The snippets of other packages, which it installs: the extra `clients`
	$(PYTHON) -m pip install -q -e ".[clients]"
	$(PYTHON) -m pytest -m clients tests/test_clients.py

bench: ## Whether the benchmarks run: each quickly, its numbers are not kept
	@set -e; for benchmark in benchmarks/[a-z]*.py; do \
	  echo "-- $$benchmark"; $(PYTHON) $$benchmark --quick >/dev/null; done

docs: ## The site, in docs/_build/html; warnings are errors, examples are run
	OPENBLAS_NUM_THREADS=1 PYTHONPATH=$(CURDIR) $(PYTHON) -m sphinx -W --keep-going -q -d docs/_build/doctrees docs $(HTML)
	$(PYTHON) docs/check_links.py $(HTML)

package: ## The wheel and the source archive, and whether an index would take them
	rm -rf dist
	$(PYTHON) -m build --installer uv >/dev/null
	$(PYTHON) -m twine check --strict dist/*

links: ## Whether every link within the built site leads somewhere
	$(PYTHON) docs/check_links.py $(HTML)

HASH := \#
# The first line of the shell block below a heading of the README.
readme_command = $(shell awk -v heading="$(HASH)$(HASH) $(1)" \
  '$$0 == heading {found = 1} found && /^```sh$$/ {getline; print; exit}' README.md)

readme: ## What the README says to type: the whole suite, and the quickstart
	$(call readme_command,Test it)
	$(call readme_command,Run it)

all: ## All that CI does, from a clean checkout, in a fresh .venv
	rm -rf .venv
	$(MAKE) -j 2 --output-sync=target readme lowest PYTHON=python3
	.venv/bin/python -m pip install -q -e ".[check,benchmark,docs]"
	$(MAKE) -j 2 --output-sync=target docs static bench package PYTHON=.venv/bin/python

clean-docs:
	rm -rf docs/_build docs/gallery docs/generated
