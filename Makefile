# Everything here works on a fresh machine that has Python >= 3.11 and make: what is missing is installed into .venv.
#   make quickstart   run the main job on embedded defaults        make test   run every test
#   make lint types docs wheel   the other checks                  make bench  measure (see benchmarks/README.md)
#   make crash   ten thousand kills                                make soak   fifty thousand random pipelines

VENV ?= .venv
BIN := $(VENV)/bin
PLUGINS := plugins/fluxion-connect-kafka plugins/fluxion-connect-http plugins/fluxion-enrich
FIND_PYTHON = for python in $(PYTHON) python3.13 python3.12 python3.11 python3; do \
	  $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done
# More workers than a small machine has cores: the tests that talk to Kafka mostly wait.
PYTEST_WORKERS ?= 4
DOCUMENTS ?= 1000000
ROUNDS ?= 3
PEERS := .cache/peers
PEERS_PYTHON ?= python3.12
# Bytecode is kept, as pip keeps it for an installed package: without it half of the start-up is compiling.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: quickstart test conformance crash soak lint types docs wheel bench bench-peers bench-smoke clean

quickstart: $(VENV)/core.installed
	$(BIN)/python examples/orders-ltv/quickstart.py

test: $(VENV)/test.installed
	$(BIN)/python -m pytest -n $(PYTEST_WORKERS) --dist loadgroup

conformance: $(VENV)/test.installed
	$(BIN)/python -m pytest -q tests/conformance -rA

crash: $(VENV)/test.installed          # ten thousand kills; an hour or more
	FLUXION_CRASH_KILLS=10000 $(BIN)/python -m pytest -q tests/crash

soak: $(VENV)/test.installed           # 50,000 random pipelines, not 2,000; ten minutes or so
	FLUXION_RANDOM_PIPELINES=50000 $(BIN)/python -m pytest -q -n $(PYTEST_WORKERS) --timeout 3600 tests/language/test_properties.py

lint: $(VENV)/dev.installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/dev.installed
	$(BIN)/mypy
	for plugin in $(PLUGINS); do (cd $$plugin && ../../$(BIN)/mypy) || exit 1; done

docs: $(VENV)/dev.installed
	$(BIN)/sphinx-build --fail-on-warning --keep-going -q -b html docs docs/_build/html

wheel: $(VENV)/dev.installed
	$(BIN)/python tests/wheel/check_wheels.py

bench: $(VENV)/bench.installed
	$(BIN)/python benchmarks/run.py --documents $(DOCUMENTS) --rounds $(ROUNDS)

bench-peers: $(PEERS)/installed        # the systems to compare with, each if it can be had here

bench-smoke: $(VENV)/dev.installed
	$(BIN)/python benchmarks/run.py --smoke

$(PEERS)/installed: benchmarks/peers/requirements.txt benchmarks/peers/install.sh
	PYTHON="$(PEERS_PYTHON)" benchmarks/peers/install.sh $(PEERS)
	@touch $@

$(VENV)/python.made:
	@python="$$($(FIND_PYTHON))"; test -n "$$python" || { echo "Python 3.11 or newer is needed; none was found (set PYTHON=...)" >&2; exit 1; }; \
	  echo "making $(VENV) with $$python" && $$python -m venv $(VENV)
	@touch $@

$(VENV)/core.installed: pyproject.toml $(VENV)/python.made
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/test.installed: $(VENV)/core.installed $(PLUGINS:%=%/pyproject.toml)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]' $(PLUGINS:%=--editable %[test])
	@touch $@

$(VENV)/dev.installed: $(VENV)/test.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

$(VENV)/bench.installed: $(VENV)/dev.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	@touch $@

clean:
	rm -rf $(VENV) .tox .mypy_cache .ruff_cache .pytest_cache .hypothesis docs/_build dist
