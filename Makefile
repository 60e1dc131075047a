# make app    the explorer, on a fresh machine too: makes the environment first
# make test   every test, on a fresh machine too
# make check  format, lint, types and the fast tests, while developing
# make nightly  the same attacks and kills in larger numbers
# make lock   requirements.lock: every package by version and hash
# make audit  known holes in the packages of requirements.lock
# make hosting-check  the Dockerfile's steps in a fresh folder, without a container engine
# make galaxy10  Galaxy10 DECaLS: fetch, audit, train, measure, print the table
# make bench  every benchmark that this machine allows, and the tables of docs/performance.md

VENV := .venv
PY := $(VENV)/bin/python
PYTHON ?= $(shell for p in python3.11 python3; do $$p -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null && echo $$p && break; done)
PORT ?= 8501
# Idle OpenMP threads that spin cost a small machine ten times the work.
export OMP_WAIT_POLICY := PASSIVE
export HF_HUB_OFFLINE := 1

.PHONY: app test check nightly browser bench galaxy10 lock audit hosting-check clean

$(VENV)/.runtime: requirements.txt constraints.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 is needed and was not found; install it, or give PYTHON=/path/to/python3.11."; exit 2; }
	test -x $(PY) || $(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check -r requirements.txt -c constraints.txt
	@touch $@

$(VENV)/.development: $(VENV)/.runtime requirements-dev.txt
	$(PY) -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt -c constraints.txt
	@touch $@

app: $(VENV)/.runtime
	$(PY) -m streamlit run app/main.py --server.port $(PORT)

# The browser tests drive the system's Chromium; where it is missing and may be installed, it is.
browser:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || \
	  { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && \
	    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null; } || \
	  echo "No Chromium found and it could not be installed: browser tests will be skipped. Install the package 'chromium'."

test: $(VENV)/.development browser
	OMP_NUM_THREADS=1 $(PY) -m pytest -q -n 2 --dist loadfile

check: $(VENV)/.development
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	OMP_NUM_THREADS=1 $(PY) -m pytest -q -n 2 --dist loadfile -m "not slow and not browser and not real and not nightly"

nightly: $(VENV)/.development
	OMP_NUM_THREADS=1 $(PY) -m pytest -q -n 2 --dist loadfile -m nightly

$(VENV)/.bench: $(VENV)/.development requirements-bench.txt
	$(PY) -m pip install --quiet --disable-pip-version-check -r requirements-bench.txt -c constraints.txt
	@touch $@

BENCHMARKS := sigreg step peers growth memory compiled projections

bench: $(VENV)/.bench
	for name in $(BENCHMARKS); do OMP_NUM_THREADS=1 $(PY) -m benchmarks.$$name >/dev/null && echo "$$name: done" || exit 1; done
	$(PY) -m benchmarks.page

# Tools for the supply chain, apart from what the program runs on.
SUPPLY := $(VENV)-supply
# Which build of torch is locked.
LOCK_FLAGS ?= --torch-backend cpu

$(SUPPLY)/.ready: requirements-supply.txt
	test -x $(SUPPLY)/bin/python || $(PYTHON) -m venv $(SUPPLY)
	$(SUPPLY)/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-supply.txt
	@touch $@

lock: $(SUPPLY)/.ready
	$(SUPPLY)/bin/uv pip compile --quiet requirements.txt --constraint constraints.txt --generate-hashes --python-version 3.11 \
	  --python-platform x86_64-manylinux_2_28 $(LOCK_FLAGS) --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
	  --output-file $(SUPPLY)/lock
	{ sed -n '/^#/p' requirements.lock; cat $(SUPPLY)/lock; } > $(SUPPLY)/requirements.lock
	mv $(SUPPLY)/requirements.lock requirements.lock

# A package that the database cannot be asked about counts as a failure. It knows versions without the name of their build.
audit: $(SUPPLY)/.ready
	sed 's/+cpu / /' requirements.lock > $(SUPPLY)/audited.txt
	$(SUPPLY)/bin/pip-audit --strict --require-hashes --disable-pip --progress-spinner off -r $(SUPPLY)/audited.txt || \
	  { echo "The audit failed: known holes are listed above, or the database of advisories could not be reached."; exit 1; }

hosting-check:
	$(PYTHON) deploy/rehearse.py

# Galaxy10 DECaLS from nothing: fetch, check, look for what would flatter a model, train, measure, and print the table.
GALAXY10 ?= data/Galaxy10_DECals.h5
PRESET ?= best-small
galaxy10: $(VENV)/.runtime
	test -f $(GALAXY10) || $(PY) -m astrojepa data download
	$(PY) -m astrojepa data verify --data $(GALAXY10)
	$(PY) -m astrojepa data audit --data $(GALAXY10) --out reports/galaxy10-audit.json
	if test -d runs/galaxy10; then $(PY) train.py --resume runs/galaxy10; else $(PY) train.py --preset $(PRESET) --data $(GALAXY10) --out runs/galaxy10; fi
	if grep -q '"predictor_depth": 0' runs/galaxy10/config.json && ! test -d runs/galaxy10-predictor; then \
	  $(PY) train.py --preset small.ijepa --encoder-from runs/galaxy10 --epochs 3 --data $(GALAXY10) --out runs/galaxy10-predictor; fi
	$(PY) -m astrojepa export $$(ls -d runs/galaxy10-predictor 2>/dev/null || echo runs/galaxy10) --id galaxy10.$(PRESET) --out checkpoints --description "Galaxy10 DECaLS, training part of the split, no labels used"
	$(PY) -m astrojepa report galaxy10.$(PRESET) --data $(GALAXY10) --few-labels --controls --out reports/galaxy10 --card
	$(PY) -m astrojepa zoo

clean:
	rm -rf $(VENV) $(SUPPLY) .cache .pytest_cache .ruff_cache .mypy_cache
