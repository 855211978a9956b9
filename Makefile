# `make help` lists the commands. Everything is installed into .venv and node_modules of this folder.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
HOST ?= 127.0.0.1
PORT ?= 8000
DJANGO_PORT ?= $(shell expr $(PORT) + 1)
# Seconds that each coverage-guided search of `make fuzz` takes.
FUZZ_SECONDS ?= 120
# How many tests run beside one another: most wait for servers of their own. `make unit BESIDE=` is one by one.
BESIDE ?= --numprocesses 3 --dist loadfile
VENV := .venv
BIN := $(VENV)/bin
# Tools that a virtual environment can hold are preferred to the machine's.
export PATH := $(CURDIR)/$(BIN):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help venv demo serve test lint format types typescript javascript unit browser faults soak fuzz audit versions test-compat bench bench-quick clean

help: ## list the commands
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1 \t\2/' | expand -t 20

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "embedsync needs Python 3.11 or newer: install it, or name it with PYTHON=…"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "embedsync needs Python 3.11 or newer; $(PYTHON) is older"; exit 1; }
	.ci/create-venv $(PYTHON) $(VENV)

# The stamps say which extras are installed. A change to pyproject.toml installs again.
$(VENV)/installed-demo: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[demo]'
	@touch $@

$(VENV)/installed-test: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $@ $(VENV)/installed-demo

$(VENV)/installed-fuzz: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[fuzz]'
	@touch $@

$(VENV)/installed-audit: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[audit]'
	@touch $@

$(VENV)/installed-node: | $(BIN)/python
	.ci/install-node $(VENV)
	@touch $@

$(VENV)/installed-chromium: | $(BIN)/python
	.ci/install-chromium
	@touch $@

node_modules/installed: package.json package-lock.json | $(VENV)/installed-node
	npm ci --silent --no-audit --no-fund
	@touch $@

venv: $(VENV)/installed-test ## create .venv with everything that developing needs

demo: $(VENV)/installed-demo ## start the demonstration sites on ports 8000 and 8001 (PORT=… DJANGO_PORT=… to change)
	@$(BIN)/python -m demo_site --address $(HOST) --flask-port $(PORT) --django-port $(DJANGO_PORT)

serve: $(VENV)/installed-demo ## start the same apps without a site, on `embedsync serve`
	@$(BIN)/embedsync serve demo_site/apps/*.py --address $(HOST) --port $(PORT)

test: lint types typescript javascript unit browser ## run every check and every test

lint: $(VENV)/installed-test ## ruff: rules and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/installed-test ## let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(VENV)/installed-test ## mypy --strict
	$(BIN)/mypy

typescript: node_modules/installed ## type-check the browser runtime
	node_modules/.bin/tsc --project tsconfig.json

javascript: $(VENV)/installed-node ## test the browser runtime in Node
	node --test $(sort $(wildcard tests/javascript/*.test.js))

unit: $(VENV)/installed-test $(VENV)/installed-node ## Python tests without a browser
	$(BIN)/pytest $(BESIDE) -m "not browser and not soak"

faults: $(VENV)/installed-test ## provoke each fault often, on each server, and write docs/faults.md
	FAULTS=full FAULTS_REPORT=docs/faults.md $(BIN)/pytest tests/faults

soak: $(VENV)/installed-test $(VENV)/installed-node ## look for long for what breaks a promise (EMBEDSYNC_EXAMPLES=…)
	$(BIN)/pytest -m soak -s

fuzz: $(VENV)/installed-fuzz ## spoil 200,000 messages in other ways each time, and search for what breaks decoders (FUZZ_SECONDS=…)
	FUZZ=long $(BIN)/pytest tests/security/test_fuzz.py -s
	$(BIN)/python -m tests.security.coverage_guided all $(FUZZ_SECONDS)

audit: $(VENV)/installed-audit node_modules/installed ## look for known vulnerabilities in what is installed (needs the network; not part of `make test`)
	$(BIN)/pip-audit --local --skip-editable
	npm audit

browser: $(VENV)/installed-test $(VENV)/installed-chromium ## tests that drive Chromium
	$(BIN)/pytest -m browser

versions: ## the Django and contract tests on Django 4.2 and 6 (not part of `make test`)
	.ci/test-versions

test-compat: $(VENV)/installed-chromium $(VENV)/installed-node ## what touches Bokeh, on Bokeh 3.9 and 3.10 (not part of `make test`)
	.ci/test-compat

bench: $(VENV)/installed-test $(VENV)/installed-chromium ## measure speed beside Bokeh's own servers; docs/performance.md
	.ci/create-bench-environments
	$(BIN)/python -m benchmarks

bench-quick: $(VENV)/installed-test $(VENV)/installed-chromium ## the same with small counts
	.ci/create-bench-environments
	$(BIN)/python -m benchmarks --effort quick

clean: ## remove everything that was installed or generated here
	rm -rf $(VENV) .venvs node_modules dist demo.sqlite3* .mypy_cache .ruff_cache .pytest_cache .hypothesis .fuzz
