# make demo   the main job, offline        make test   all tests
# make test-slow  those that take minutes each
# make check  everything that CI runs      make format rewrites the code's layout
# make docs   the documentation site
# make fuzz   10,000 hostile and damaged files through the real commands
# make bench  speed beside each baseline (rows against other packages need '.[peers]')
# make bench-qpu  what the whole chip gives: noise as data, placements, tiles
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

# Each process of a run would else compile the sources and rewrite the tests' assertions again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-slow bench check format lint types imports install clean

install: $(STAMP)

# uv, inside the environment, resolves and installs several times faster than pip does. Compiling
# the packages once spares each new process seconds where Python may not write its bytecode.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("qrnn-hw should be installed with Python 3.11 or newer. Got %s; name another one: make PYTHON=python3.12" % sys.version.split()[0])'
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints.txt --compile-bytecode --editable '.[dev]'
	@touch $(STAMP)

demo: $(STAMP)
	$(BIN)/qrnn-hw run --output runs/demo

# A worker more than cores, since tests of the service sleep. Idle ones take tests of the others.
WORKERS = $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)

test: $(STAMP)
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

# Compiled as a user's programs are; `make test` compiles quickly instead (tests/conftest.py).
test-slow: $(STAMP)
	XLA_FLAGS= $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m slow

bench: $(STAMP)
	PYTHONPATH=. $(BIN)/python tests/benchmarks/performance.py

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

# The second run reads the code as Windows would: what only Unix has must be guarded.
types: $(STAMP)
	$(BIN)/mypy
	$(BIN)/mypy --platform win32 --cache-dir .mypy_cache/win32

imports: $(STAMP)
	$(BIN)/lint-imports

check: lint types imports test

clean:
	rm -rf $(VENV) build

# The documentation site, build/docs/index.html.
.PHONY: docs
docs: $(STAMP)
	$(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints.txt --editable '.[docs]'
	$(BIN)/sphinx-build -q -W --keep-going -b html docs build/docs

# Slow measurements; each writes build/<name>.json with what was measured beside its target.
.PHONY: accuracy bench bench-mitigation bench-twin bench-qpu bench-studies bench-tasks faults growth zoo

accuracy: $(STAMP)
	$(BIN)/python tests/benchmarks/accuracy.py

bench-studies: $(STAMP)
	$(BIN)/python tests/benchmarks/studies.py

# Any sequence and any target beside classical models; reservoirpy's row needs '.[reservoir]'.
bench-tasks: $(STAMP)
	$(BIN)/python tests/benchmarks/tasks_any.py

faults: $(STAMP)
	$(BIN)/python tests/benchmarks/faults.py

bench-qpu: $(STAMP)
	PYTHONPATH=. $(BIN)/python tests/benchmarks/qpu.py

bench-twin: $(STAMP)
	$(BIN)/python tests/benchmarks/twin.py

bench-mitigation: $(STAMP)
	$(BIN)/python tests/benchmarks/mitigation.py

# Draws docs/images/growth.svg.
growth: $(STAMP)
	$(BIN)/python tests/benchmarks/growth.py

# Five seeds of every model beside classical networks, docs/results.md; hours, resumable.
zoo: $(STAMP)
	PYTHONPATH=. $(BIN)/python tests/benchmarks/zoo.py

# 10,000 hostile and damaged files through the real commands, build/fuzz.json; ten minutes.
.PHONY: fuzz
fuzz: $(STAMP)
	PYTHONPATH=. $(BIN)/python tests/benchmarks/fuzz.py

# Six tasks, eight cores of equal size, five seeds: docs/tasks.md; hours, resumable. Real data from
# the folder that QRNN_HW_DATA names.
.PHONY: tasks tasks-hardware bench-hybrid
tasks: $(STAMP)
	PYTHONPATH=. $(BIN)/python tests/benchmarks/tasks.py

# The same six in a form that a machine runs today, with its noise and finite shots; an hour.
tasks-hardware: $(STAMP)
	PYTHONPATH=. $(BIN)/python tests/benchmarks/tasks_hardware.py
	PYTHONPATH=. $(BIN)/python tests/benchmarks/tasks.py --page-only

# What the hybrid promises beside what was measured, build/bench-hybrid.json; under 15 minutes.
bench-hybrid: $(STAMP)
	PYTHONPATH=. $(BIN)/python tests/benchmarks/hybrid.py
