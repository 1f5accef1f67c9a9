# make test    everything: sets the machine up, then all tests (root: all of them must run)
# make lint    style, types, layers, sizes
# make demo    the main job, shown in a throw-away host (root)

TIERS := unit drift kernel docker multihost
PY := .venv/bin/python
RUFF := .venv/bin/ruff
RUFF_CONFIG := --config tools/ruff.toml

# Compiled modules are kept: without them each start of the CLI compiles all it imports.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup test $(TIERS) lint format demo bench clean

help:
	@sed -n 's/^# make/make/p' Makefile; echo "tiers: $(TIERS)"

setup:
	@tools/setup.sh

# As root on a machine that was set up, nothing may be skipped for want of an ability.
test: setup
	@if [ "$$(id -u)" = 0 ]; then export WEAVE_TEST_ALL=1; fi; \
	exec $(PY) -m pytest -q

$(TIERS): setup
	@$(PY) -m pytest -q tests/$@

lint: setup
	@tools/lint.sh

format: setup
	@$(RUFF) check -q --fix-only $(RUFF_CONFIG) . && $(RUFF) format -q $(RUFF_CONFIG) .

demo: setup
	@$(PY) -m tests.lab.demo

bench: setup
	@$(PY) -m tests.bench

clean:
	@rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -prune -exec rm -rf {} +
