# Everything a person or CI does with Polaris. The virtual environment is created on demand.

SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes
PIP_COMPILE := CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile --quiet --generate-hashes --allow-unsafe \
	--strip-extras --no-emit-index-url --no-emit-trusted-host --no-emit-find-links

.PHONY: run test chaos bench lint lock

run: $(VENV)/.installed
	@exec $(BIN)/python -m dev $(ARGS)

test: $(VENV)/.installed-dev
	@$(BIN)/python -m tests.support.chromium
	@$(BIN)/python -m tests.support.nginx
	@exec $(BIN)/python -m pytest -n 6 --dist worksteal $(ARGS)

# KILLS and FRAMES say how much, SEED repeats a run: make chaos KILLS=500 FRAMES=1000000
chaos: $(VENV)/.installed-dev
	@exec $(BIN)/python -m pytest tests/chaos $(if $(KILLS),--kills $(KILLS)) $(if $(FRAMES),--frames $(FRAMES)) \
		$(if $(SEED),--seed $(SEED)) $(ARGS)

# PART: ocpp, growth, push, latency, fleet or frame_tail; SECONDS: how long each measurement takes.
bench: $(VENV)/.installed-dev
	@exec $(BIN)/python -m benchmarks.$(PART)

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/djlint --check templates
	$(BIN)/djlint --lint templates
	@# Biome's wheel is for Linux on x86-64 alone, which CI has.
	@if [ -x $(BIN)/biome ]; then $(BIN)/biome ci; else echo "No Biome for this platform: static/ was not checked."; fi

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
