# make serve   set up what is missing and serve on 127.0.0.1:8000
# make test    everything that is checked, in a real browser where one is needed
# make lint    ruff, mypy --strict, tsc --strict
# Needs Python 3.11 or later, git and make; all else comes by itself.

PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3.14 python3; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$p" && break; done)
BIN := .venv/bin
HOST ?= 127.0.0.1
PORT ?= 8000
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: all serve test test-all lint format bench load container vendor vendor-dev clean browser libseccomp
.DEFAULT_GOAL := all

all: .venv/.installed vendor

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Gradwalk needs Python 3.11 or later on the PATH."; exit 1; }
	@"$(PYTHON)" -m venv .venv || { rm -rf .venv; \
		echo "This Python has no venv module; on Debian: apt-get install $(PYTHON)-venv"; exit 1; }

# Editable, with the tools of the checks.  hatch_build.py bundles the page's modules.
.venv/.installed: pyproject.toml constraints.txt hatch_build.py | .venv/bin/python
	$(PIP) install --quiet -c constraints.txt -e '.[dev]'
	@touch $@

vendor: .venv/.installed
	@$(BIN)/python hatch_build.py

vendor-dev: .venv/.installed
	@$(BIN)/python hatch_build.py --dev

serve: all libseccomp
	@$(BIN)/gradwalk serve --host $(HOST) --port $(PORT)

test: all libseccomp browser
	$(BIN)/python -m pytest -m "not full"

test-all: all libseccomp browser
	$(BIN)/python -m pytest

lint: vendor-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo --no-cache
	$(BIN)/python hatch_build.py --types

format: .venv/.installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: all libseccomp browser
	$(PIP) install --quiet -c constraints.txt -e '.[bench]'
	$(BIN)/python -m tests.bench.latency
	$(BIN)/python -m tests.bench.recorder
	$(BIN)/python -m tests.bench.page

load: all libseccomp
	$(BIN)/python -m tests.bench.load

# Build the image and run it confined, without an engine: root, buildah, debootstrap.
container: .venv/.installed
	$(BIN)/python -m tests.container.image $(BUILD)

# The sandbox is compiled with this C library.
libseccomp:
	@if [ "$$(uname)" = Linux ] && ! $(BIN)/python -c \
		'import ctypes.util, sys; sys.exit(not ctypes.util.find_library("seccomp"))'; then \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			apt-get -qq update && apt-get -qq install -y --no-install-recommends libseccomp2; \
		else echo "Please install libseccomp (Debian: libseccomp2, Fedora: libseccomp)."; exit 1; fi; fi

# The tests drive a real browser, and run the curl examples of the documentation.
browser:
	@missing=; \
	command -v chromium >/dev/null || command -v chromium-browser >/dev/null \
		|| command -v google-chrome >/dev/null || missing="chromium"; \
	command -v curl >/dev/null || missing="$$missing curl"; \
	if [ -n "$$missing" ]; then \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			apt-get -qq update && apt-get -qq install -y --no-install-recommends $$missing; \
		else echo "The tests need on the PATH: $$missing (Debian: apt-get install $$missing)."; \
			exit 1; fi; fi

clean:
	rm -rf .venv node_modules static/vendor dist build .mypy_cache .ruff_cache .hypothesis
