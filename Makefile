# Liên Thông: everything that people and CI do here. `make help` lists it.
# Needs Python 3.11 or newer with pip, and a package index; the rest is installed into .venv from the hash lock.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

# The day of `make run`; empty means the command's own default.
DAY ?=
ifneq ($(DAY),)
export DAY
endif

# Starting Airflow takes three times as long when Python may not keep its compiled files.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run up down status test check lock bench screens clean install

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(INSTALLED) ## one province day through a real Airflow, with a report (DAY=2025-09-30)
	@$(BIN)/lienthong run

up: $(INSTALLED) ## start the services with Airflow's UI; Ctrl-C or `make down` stops them (DETACH=1 returns)
	@$(BIN)/lienthong up $(if $(DETACH),--detach)

down: $(INSTALLED) ## stop the services
	@$(BIN)/lienthong down

status: $(INSTALLED) ## where every service, dataset and receiver stands
	@$(BIN)/lienthong status

# Three processes for two cores: the journey's does little but wait for the Airflow that it started.
test: $(INSTALLED) ## the tests, on two cores
	@$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(INSTALLED) ## ruff, its formatter and mypy
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy

bench: $(INSTALLED) ## the benchmarks
	@$(BIN)/python -m benchmarks $(ARGS)

screens: $(INSTALLED) ## the pictures of docs/screens, taken anew from a real run (needs chromium)
	@$(BIN)/python -m tests.screens

lock: $(INSTALLED) ## write requirements*.txt anew from pyproject.toml (UPGRADE=1 takes newer versions)
	@$(BIN)/uv pip compile pyproject.toml --extra dev --universal --generate-hashes --no-header \
	    --python-version 3.11 $(if $(UPGRADE),--upgrade) --quiet --output-file requirements.txt
	@grep -o '^uv==[0-9.]*' requirements.txt | $(BIN)/uv pip compile - --universal --generate-hashes --no-header \
	    --no-annotate --python-version 3.11 --quiet --output-file requirements-uv.txt

clean: ## stop the services and delete what they wrote (var/) and the tools' caches; .venv stays
	@if [ -x $(BIN)/lienthong ]; then $(BIN)/lienthong down; fi
	@rm -rf var .pytest_cache .mypy_cache .ruff_cache .hypothesis

install: $(INSTALLED) ## only install into .venv

# pip installs uv alone; uv installs the lock ten times as fast. uv does not read pip's configuration, so the index
# and the certificates that pip was given are handed on. Every file is checked against its hash.
$(INSTALLED): requirements.txt requirements-uv.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	    echo "Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) --version 2>/dev/null || echo not there)." \
	         "Name another one, for example: make $(or $(MAKECMDGOALS),run) PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m pip --version >/dev/null 2>&1 || { \
	    echo "$(PYTHON) has no pip. Install it (Debian, Ubuntu: apt install python3-pip; elsewhere:" \
	         "$(PYTHON) -m ensurepip) and try again." >&2; exit 1; }
	@echo "Installing into $(VENV) (only when the lock changes) ..."
	@$(BIN)/python -c '' 2>/dev/null || $(PYTHON) -m venv --clear --without-pip $(VENV)
	@$(PYTHON) -m pip --python $(BIN)/python install --quiet --disable-pip-version-check --require-hashes \
	    -r requirements-uv.txt || { \
	    echo "uv could not be installed. Is the package index reachable, and is pip 22.3 or newer?" \
	         "(A mirror or proxy is set as usual: pip.conf, PIP_INDEX_URL, HTTPS_PROXY.)" >&2; exit 1; }
	@index="$${UV_DEFAULT_INDEX:-$${UV_INDEX_URL:-$${PIP_INDEX_URL:-$$($(PYTHON) -m pip config get \
	    global.index-url 2>/dev/null)}}}"; \
	if [ -n "$$index" ]; then export UV_DEFAULT_INDEX="$$index"; unset UV_INDEX_URL; fi; \
	if [ -n "$$PIP_CERT" ] && [ -z "$$SSL_CERT_FILE" ]; then export SSL_CERT_FILE="$$PIP_CERT"; fi; \
	export VIRTUAL_ENV="$(CURDIR)/$(VENV)"; \
	$(BIN)/uv pip sync --quiet --require-hashes requirements.txt && \
	$(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable . || { \
	    echo "The packages of the lock could not be installed. Is the package index reachable, and does it hold" \
	         "these versions? (A mirror or proxy is set as usual: pip.conf, PIP_INDEX_URL, HTTPS_PROXY.)" >&2; exit 1; }
	@touch $(INSTALLED)
