# Everything a person or CI does with Polaris. The virtual environment is created on demand.

SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes
PIP_COMPILE := CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile --quiet --generate-hashes --allow-unsafe \
	--strip-extras --no-emit-index-url --no-emit-trusted-host --no-emit-find-links

# Licences that ask nothing of who runs or changes Polaris. Those without one in their metadata are MIT.
LICENCES := MIT;BSD;Apache;ISC;PSF;Python Software Foundation;ZPL;Unlicense;LGPL;MPL
UNDECLARED := peewee cysqlite
LOCKED = $$(sed -n 's/^\([a-z0-9._-]*\).*==.*/\1/p' requirements.lock)

.PHONY: run test chaos bench lint licences audit sbom lock

run: $(VENV)/.installed
	@exec $(BIN)/python -m dev --parent $$PPID $(ARGS)

test: $(VENV)/.installed-dev
	@$(BIN)/python -m tests.support.chromium
	@$(BIN)/python -m tests.support.nginx
	@exec $(BIN)/python -m pytest -n 6 --dist worksteal $(ARGS)

# KILLS, FRAMES and DAY (seconds) say how much, SEED repeats a run: make chaos KILLS=500 FRAMES=1000000 DAY=3600
chaos: $(VENV)/.installed-dev
	@exec $(BIN)/python -m pytest tests/chaos $(if $(KILLS),--kills $(KILLS)) $(if $(FRAMES),--frames $(FRAMES)) \
		$(if $(DAY),--day $(DAY)) $(if $(SEED),--seed $(SEED)) $(ARGS)

# PART: ocpp, growth, push, latency, fleet, pages, paint, frame_tail or retention; SECONDS: how long each measurement takes.
bench: $(VENV)/.installed-dev
	@exec $(BIN)/python -m benchmarks.$(PART)

lint: $(VENV)/.installed-dev licences
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/djlint --check templates
	$(BIN)/djlint --lint templates
	@$(BIN)/python -m scripts.translations --check
	@# Biome's wheel is for Linux on x86-64 alone, which CI has.
	@if [ -x $(BIN)/biome ]; then $(BIN)/biome ci; else echo "No Biome for this platform: static/ was not checked."; fi

licences: $(VENV)/.installed-dev
	@$(BIN)/pip-licenses --from=mixed --packages $(LOCKED) --ignore-packages $(UNDECLARED) --partial-match \
		--allow-only="$(LICENCES)" --output-file=/dev/null >/dev/null

# Known vulnerabilities of all that is locked. It needs PyPI, and fails if that does not know a package.
audit: licences
	$(BIN)/pip-audit --strict --disable-pip --require-hashes -r requirements.lock

# What Polaris consists of, in CycloneDX: sbom.json.
sbom: $(VENV)/.installed-dev
	$(BIN)/python -m scripts.sbom

lock: $(VENV)/.installed-dev
	$(PIP_COMPILE) --output-file requirements.lock requirements.txt
	$(PIP_COMPILE) --output-file requirements-dev.lock requirements-dev.txt

# An interrupted or failed install leaves no stamp, so it is tried again; a half-made environment is removed.
$(VENV)/.installed: requirements.lock scripts/flask | $(BIN)/python
	@echo "Installing what Polaris needs into $(VENV)"
	@$(PIP_INSTALL) -r requirements.lock
	@cp scripts/flask $(BIN)/flask
	@touch $@

$(VENV)/.installed-dev: requirements-dev.lock $(VENV)/.installed
	@echo "Installing what tests and checks need into $(VENV)"
	@$(PIP_INSTALL) -r requirements-dev.lock
	@cp scripts/flask $(BIN)/flask
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Polaris needs Python 3.11 or newer.")'
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }
