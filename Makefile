# make app    the explorer, on a fresh machine too: makes the environment first
# make test   every test, on a fresh machine too
# make check  format, lint, types and the fast tests, while developing
# make bench  every benchmark that this machine allows, and the tables of docs/performance.md

VENV := .venv
PY := $(VENV)/bin/python
PYTHON ?= $(shell for p in python3.11 python3; do $$p -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null && echo $$p && break; done)
PORT ?= 8501
# Idle OpenMP threads that spin cost a small machine ten times the work.
export OMP_WAIT_POLICY := PASSIVE
export HF_HUB_OFFLINE := 1

.PHONY: app test check browser bench clean

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
	OMP_NUM_THREADS=1 $(PY) -m pytest -q -n 2 --dist loadfile -m "not slow and not browser and not real"

$(VENV)/.bench: $(VENV)/.development requirements-bench.txt
	$(PY) -m pip install --quiet --disable-pip-version-check -r requirements-bench.txt -c constraints.txt
	@touch $@

BENCHMARKS := sigreg step peers growth memory compiled projections

bench: $(VENV)/.bench
	for name in $(BENCHMARKS); do OMP_NUM_THREADS=1 $(PY) -m benchmarks.$$name >/dev/null && echo "$$name: done" || exit 1; done
	$(PY) -m benchmarks.page

clean:
	rm -rf $(VENV) .cache .pytest_cache .ruff_cache .mypy_cache
