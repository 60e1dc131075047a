# The explorer for a public address: docs/hosting.md. Build context: this folder, and in it `bundle/` where there is one.
FROM python:3.11.14-slim-bookworm

WORKDIR /srv/astrojepa

# The index of CPU builds of torch, beside pip's usual one (docs/hosting.md); the lock's hashes decide what is taken.
ARG PIP_EXTRA_INDEX_URL
COPY requirements.lock ./
RUN python -m venv /opt/venv
RUN /opt/venv/bin/python -m pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.lock

COPY . .

# All that is written goes below /tmp, so that the root file system can be read-only.
ENV ASTROJEPA_MODE=hosted \
    ASTROJEPA_CACHE=/tmp/astrojepa \
    HOME=/tmp \
    USER=explorer \
    NUMBA_CACHE_DIR=/tmp/numba \
    HF_HUB_OFFLINE=1 \
    OMP_NUM_THREADS=1 \
    OMP_WAIT_POLICY=PASSIVE \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1

USER 1000:1000
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["/opt/venv/bin/python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8501/ready', timeout=4)"]
CMD ["/opt/venv/bin/python", "-m", "streamlit", "run", "app/main.py", "--server.address=0.0.0.0", "--server.port=8501", "--server.headless=true"]
