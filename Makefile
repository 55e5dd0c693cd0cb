# The environment is .venv. A stamp in it says what was installed, so that a second run installs nothing and asks
# nobody. PYTHON=... names the interpreter it is made with.

VENV := .venv
BIN := $(VENV)/bin

# Debian keeps nft, iptables and tc where only root's PATH looks; printing their version needs no root.
export PATH := $(PATH):/usr/sbin:/sbin

MAKEFLAGS += --no-print-directory
INSTALL := $(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check --editable
# An editable install compiles nothing, and the first run of a command would, or of all where Python may not write.
COMPILE := $(BIN)/python -m compileall -q fwplan
PYTEST := $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

.PHONY: demo
demo: $(VENV)/.runtime ## show the plans of two examples
	@for example in nat open; do \
	    printf '\n$$ fwplan plan examples/%s.xml\n' $$example; \
	    $(BIN)/fwplan plan examples/$$example.xml || exit; \
	done

.PHONY: test
test: $(VENV)/.dev ## run all tests; as root, install the programs that they need
	@sh scripts/test-programs.sh $(VENV)
	@$(PYTEST)

.PHONY: long
long: $(VENV)/.dev ## run all tests, with many more examples of each property
	@sh scripts/test-programs.sh $(VENV)
	@FWPLAN_PROFILE=long $(PYTEST)

.PHONY: lint
lint: $(VENV)/.dev ## check style, types and which room imports which
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports

.PHONY: format
format: $(VENV)/.dev ## put the source in form
	@$(BIN)/ruff check --fix-only
	@$(BIN)/ruff format

.PHONY: conformance
conformance: $(VENV)/.runtime ## hold fwplan against libvirt's own test data: LIBVIRT=DIR
	@test -d "$(LIBVIRT)" || { \
	    echo "make conformance LIBVIRT=DIR: DIR is a folder with libvirt's tests/;" \
	        "$(if $(LIBVIRT),there is no folder '$(LIBVIRT)',none was given)." >&2; exit 2; }
	@$(BIN)/python -m conformance "$(LIBVIRT)"

.PHONY: bench
bench: $(VENV)/.dev ## measure commands, and as root the control plane and packets: a quarter of an hour
	@$(BIN)/python -m benchmarks
	@$(BIN)/python -m benchmarks.control_plane
	@if [ "$$(id -u)" = 0 ]; then sh scripts/test-programs.sh $(VENV) && $(BIN)/fwplan bench; \
	else echo "packets: left out, as that needs root"; fi

.PHONY: dist
dist: $(VENV)/.dev ## build the wheel and the source archive into dist/
	@$(BIN)/python -m hatchling build

.PHONY: clean
clean: ## take away all that make has made
	@rm -rf $(VENV) build dist .benchmarks .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -prune -exec rm -rf {} +

# An interpreter that is gone (a link to nowhere) makes the environment anew.
$(BIN)/python:
	@sh scripts/environment.sh $(VENV)

$(VENV)/.runtime: pyproject.toml $(BIN)/python
	@echo "Installing fwplan ..." >&2
	@$(INSTALL) .
	@$(COMPILE)
	@touch $@

$(VENV)/.dev: pyproject.toml $(BIN)/python
	@echo "Installing fwplan and what its development needs ..." >&2
	@$(INSTALL) '.[dev]'
	@$(COMPILE)
	@touch $(VENV)/.runtime $@
