# make docs PYTHON=.venv/bin/python, after: .venv/bin/python -m pip install -e ".[docs]"
PYTHON ?= python
HTML = docs/_build/html

.PHONY: docs links clean-docs

docs: ## The site, in docs/_build/html; warnings are errors, examples are run
	OPENBLAS_NUM_THREADS=1 PYTHONPATH=$(CURDIR) $(PYTHON) -m sphinx -W --keep-going -q -d docs/_build/doctrees docs $(HTML)
	$(PYTHON) docs/check_links.py $(HTML)

links: ## Whether every link within the built site leads somewhere
	$(PYTHON) docs/check_links.py $(HTML)

clean-docs:
	rm -rf docs/_build docs/gallery docs/generated
