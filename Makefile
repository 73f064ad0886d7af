# make run     serve on the development defaults
# make test    every test that needs Python alone
# make live    every test with real processes and other people's clients
# make lint types docs bench clean
#
# Each installs what it needs into .venv first.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TRIAL := $(BIN)/python -m twisted.trial --temp-directory=_trial_temp
COVERAGE := $(BIN)/coverage

# Packages of fast tests, and those of tests/live that need Python alone.
PACKAGES := $(filter-out tests.live tests.bench,$(patsubst tests/%/__init__.py,tests.%,$(wildcard tests/*/__init__.py)))
MODULES := $(patsubst tests/%.py,tests.%,$(wildcard tests/test_*.py))
ALONE := $(addprefix tests.live.,test_chaos test_crowd test_faults test_fixtures test_frames test_hostile test_killed test_launcher test_look test_neighbours test_noise test_packaging test_process test_quadrants test_reload test_remains test_sessions test_stop test_suite test_tls)
PLUGINS := $(wildcard plugins/*/tests)

.PHONY: plugins run test live lint types docs bench clean

# Those in C and C++; what lacks a compiler or a library here is left out, with a sentence.
plugins:
	@plugins/kit/build plugins/system plugins/stats

run: $(VENV)/ready plugins
	@exec $(BIN)/twistd -n --pidfile= mcpd

test: $(VENV)/ready plugins
	$(COVERAGE) erase
	$(COVERAGE) run -m twisted.trial --temp-directory=_trial_temp $(MODULES) $(PACKAGES)
	$(COVERAGE) combine --quiet
	$(COVERAGE) report
	$(TRIAL) $(ALONE) $(PLUGINS)

live: $(VENV)/ready plugins
	$(TRIAL) tests.live

lint: $(VENV)/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/ready
	$(BIN)/mypy

docs: $(VENV)/ready
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build/html

bench: $(VENV)/ready
	$(BIN)/python -m tests.bench.inside
	$(BIN)/python -m tests.bench.whole
	$(BIN)/python -m tests.bench.sessions

clean:
	rm -rf $(VENV) build dist ./*.egg-info docs/_build _trial_temp* .coverage* .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +
	find . -name dropin.cache -delete
	rm -rf plugins/*/build plugins/kit/tests/build plugins/system/system plugins/system/system-asan \
	  plugins/stats/stats plugins/stats/stats-asan

$(VENV)/ready: setup.cfg pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo 'mcpd needs Python 3.11 or newer; name one with make PYTHON=...'; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || \
	  { echo "this Python has no venv module; Debian's package is python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[test,lint,types,docs]'
	@touch $@
