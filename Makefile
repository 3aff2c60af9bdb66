# Each target does its own set-up: Python 3.11 or later with venv is all that is needed.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.14; do \
	$$p -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: demo test check docs lint format types bench chaos fuzz audit sbom clean

demo: $(INSTALLED) ## shoppers log in at a storefront and arrive in a simulated SAP
	@$(BIN)/frontdesk demo --once
	@echo; echo "To shop yourself: $(BIN)/frontdesk demo"

# The tests start hundreds of processes; an editable install leaves each of them to compile the sources.
test: $(INSTALLED) ## the tests, in three processes: they often wait
	@$(BIN)/python -m compileall -q middleware sidecar examples tests
	PYTHONDONTWRITEBYTECODE= $(BIN)/pytest -n 3 --dist worksteal

check: $(INSTALLED) ## lint, format check, strict types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

docs: $(INSTALLED) ## the documentation site in build/site, strictly: each link and anchor leads somewhere
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

format: $(INSTALLED) ## put the sources in order
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(VENV)/.benchmarks ## the tables of docs/performance.md, about half an hour
	$(BIN)/python -m benchmarks.middleware
	$(BIN)/python -m benchmarks.pipeline

chaos: $(INSTALLED) ## faults at random for four minutes, judged from outside: CHAOS='--seed 7 --seconds 60'
	$(BIN)/python -m chaos $(CHAOS)

fuzz: $(VENV)/.fuzzing ## the coverage-guided fuzzer, for ten minutes
	$(BIN)/python fuzz/run.py -max_total_time=600

audit: $(VENV)/.security ## known vulnerabilities of everything in constraints.txt; asks PyPI, and fails where it cannot
	$(BIN)/pip-audit --strict --disable-pip --no-deps --requirement constraints.txt

sbom: $(VENV)/.security ## build/sbom.json, CycloneDX: what `pip install frontdesk[sidecar]` brings, and its licences
	rm -rf build/sbom
	$(BIN)/python -m venv --without-pip build/sbom
	$(BIN)/python -m pip --python build/sbom/bin/python install --quiet --disable-pip-version-check \
		-c constraints.txt '.[sidecar]'
	$(BIN)/cyclonedx-py environment --pyproject pyproject.toml --gather-license-texts --output-reproducible \
		--output-format JSON --output-file build/sbom.json build/sbom/bin/python
	rm -rf build/sbom

$(VENV)/.security: $(INSTALLED)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,security]'
	@touch $@

$(VENV)/.fuzzing: $(INSTALLED)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,fuzz]'
	@touch $@

$(INSTALLED): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later is needed; name it: make PYTHON=/path/to/python"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

$(VENV)/.benchmarks: $(INSTALLED)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,bench]'
	@touch $@

clean: ## remove what the other targets made
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
