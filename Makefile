# make app    the explorer, on a fresh machine too: makes the environment first
# make test   every test, on a fresh machine too
# make check  format, lint, types and the fast tests, while developing
# make docs   the documentation site, in site/
# make nightly  the same attacks and kills in larger numbers
# make lock   requirements.lock: every package by version and hash
# make audit  known holes in the packages of requirements.lock
# make hosting-check  the Dockerfile's steps in a fresh folder, without a container engine
# make galaxy10  Galaxy10 DECaLS: fetch, audit, train, measure, print the table
# make gpu    half an hour on a GPU, rehearsed on any machine: python -m benchmarks.gpu --help
# make bench  benchmarks of training, embedding and maps, and the tables of docs/performance.md

VENV := .venv
PY := $(VENV)/bin/python
ASTROJEPA := $(VENV)/bin/astrojepa
# A worker takes whole files, those with slow tests first (tests/conftest.py).
PYTEST := $(PY) -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder
PIP := -m pip install --quiet --disable-pip-version-check
# 3.11 first: requirements.lock was made for it.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3.14 python3; do \
  $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' 2>/dev/null && echo $$p && break; done)
PORT ?= 8501
# Idle OpenMP threads that spin cost a small machine ten times the work.
export OMP_WAIT_POLICY := PASSIVE
export HF_HUB_OFFLINE := 1
# Tests start hundreds of processes: what one compiled, the next ones need not.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: app test check docs nightly browser bench gpu galaxy10 lock audit hosting-check clean

# The versions of requirements.lock; which build of torch is the choice of the package index.
$(VENV)/versions.txt: requirements.lock
	@test -n "$(PYTHON)" || { echo "Python 3.11 to 3.14 is needed and was not found; install one, or give PYTHON=/path/to/python."; exit 2; }
	test -x $(PY) || $(PYTHON) -m venv $(VENV)
	sed -n 's/^\([A-Za-z0-9._-]*==[^ +]*\).*/\1/p' requirements.lock > $@

$(VENV)/.runtime: $(VENV)/versions.txt requirements.txt pyproject.toml
	$(PY) $(PIP) -r requirements.txt -c $(VENV)/versions.txt
	@touch $@

$(VENV)/.development: $(VENV)/.runtime
	$(PY) $(PIP) -e '.[dev]' -c $(VENV)/versions.txt
	@touch $@

app: $(VENV)/.runtime
	$(ASTROJEPA) app --port $(PORT)

# The browser tests drive the system's Chromium (tests/conftest.py). If there is none, the one without windows is
# installed, which takes three fifths of the processor's time.
browser:
	@for p in chromium-headless-shell chromium chromium-browser google-chrome; do command -v $$p >/dev/null && exit; done; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq; then \
	  for p in chromium-headless-shell chromium; do \
	    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$p >/dev/null && exit; done; fi; \
	echo "No Chromium found and it could not be installed: browser tests will be skipped. Install the package 'chromium'."

# All of it in float32, and again in bfloat16 what trains: the same on every processor, whichever it is fast at.
TRAINS := tests/training tests/faults tests/cli/test_train.py tests/cli/test_commands.py tests/test_benchmarks.py
test: $(VENV)/.development browser
	ASTROJEPA_PRECISION=float32 OMP_NUM_THREADS=1 $(PYTEST)
	ASTROJEPA_PRECISION=bfloat16 OMP_NUM_THREADS=1 $(PYTEST) -m "not once and not nightly" $(TRAINS)

check: $(VENV)/.development
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	OMP_NUM_THREADS=1 $(PYTEST) -m "not slow and not browser and not real and not nightly"

docs: $(VENV)/.development
	NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs build --strict

nightly: $(VENV)/.development
	OMP_NUM_THREADS=1 $(PYTEST) -m nightly

$(VENV)/.bench: $(VENV)/.development
	$(PY) $(PIP) -e '.[bench]' -c $(VENV)/versions.txt
	@touch $@

BENCHMARKS := sigreg step peers growth memory compiled embedding projections

bench: $(VENV)/.bench
	for name in $(BENCHMARKS); do OMP_NUM_THREADS=1 $(PY) -m benchmarks.$$name >/dev/null && echo "$$name: done" || exit 1; done
	$(PY) -m benchmarks.page

# No environment is made: a lent machine brings its own torch. GPU_DATA is a folder of `data pack`.
GPU_DATA ?= galaxies-128
GPU_FLAGS ?=
gpu:
	python3 -m benchmarks.gpu --data $(GPU_DATA) --out results/gpu $(GPU_FLAGS)

# Tools for the supply chain, apart from what the program runs on.
SUPPLY := $(VENV)-supply
# Which build of torch is locked, and whether versions change (--upgrade).
LOCK_FLAGS ?= --torch-backend cpu

$(SUPPLY)/.ready:
	test -x $(SUPPLY)/bin/python || $(PYTHON) -m venv $(SUPPLY)
	$(SUPPLY)/bin/python $(PIP) uv==0.13.9 pip-audit==2.10.1
	@touch $@

lock: $(SUPPLY)/.ready
	$(SUPPLY)/bin/python deploy/lock.py $(SUPPLY)/bin/uv $(LOCK_FLAGS)

# A package that the database cannot be asked about counts as a failure. It knows versions without the name of their build.
audit: $(SUPPLY)/.ready
	sed 's/+cpu / /; s/ ; extra == "dev"//' requirements.lock > $(SUPPLY)/audited.txt
	$(SUPPLY)/bin/pip-audit --strict --require-hashes --disable-pip --progress-spinner off -r $(SUPPLY)/audited.txt || \
	  { echo "The audit failed: known holes are listed above, or the database of advisories could not be reached."; exit 1; }

hosting-check:
	$(PYTHON) deploy/rehearse.py

# Galaxy10 DECaLS from nothing: fetch, check, look for what would flatter a model, train, measure, and print the table.
GALAXY10 ?= data/Galaxy10_DECals.h5
PRESET ?= best-small
galaxy10: $(VENV)/.runtime
	test -f $(GALAXY10) || $(ASTROJEPA) data download
	$(ASTROJEPA) data verify --data $(GALAXY10)
	$(ASTROJEPA) data audit --data $(GALAXY10) --out reports/galaxy10-audit.json
	if test -d runs/galaxy10; then $(ASTROJEPA) train --resume runs/galaxy10; else $(ASTROJEPA) train --preset $(PRESET) --data $(GALAXY10) --out runs/galaxy10; fi
	if grep -q '"predictor_depth": 0' runs/galaxy10/config.json && ! test -d runs/galaxy10-predictor; then \
	  $(ASTROJEPA) train --preset small.ijepa --encoder-from runs/galaxy10 --epochs 3 --data $(GALAXY10) --out runs/galaxy10-predictor; fi
	$(ASTROJEPA) export $$(ls -d runs/galaxy10-predictor 2>/dev/null || echo runs/galaxy10) --id galaxy10.$(PRESET) --out checkpoints --description "Galaxy10 DECaLS, training part of the split, no labels used"
	$(ASTROJEPA) report galaxy10.$(PRESET) --data $(GALAXY10) --few-labels --controls --out reports/galaxy10 --card
	$(ASTROJEPA) zoo

clean:
	rm -rf $(VENV) $(SUPPLY) .cache .pytest_cache .ruff_cache .mypy_cache
