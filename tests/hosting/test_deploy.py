"""The Dockerfile and its companions, read as files; and its steps, executed without a container
engine.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.rehearse import included, read_steps, rehearsed
from tests.app.explorer_page import Explorer

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
HEALTH = "/ready"


def complaints(text: str) -> list[str]:
    """Say what a Dockerfile must not do, in the order of its lines."""
    steps, found, user = read_steps(text), [], "root"
    names = [name for name, _ in steps]
    for name, rest in steps:
        if name == "FROM" and (
            not re.fullmatch(r"[a-z0-9./-]+:\d+\.\d+\.\d+[a-z0-9.-]*(@sha256:[0-9a-f]{64})?", rest)
            or "latest" in rest
        ):
            found.append(f"FROM {rest} is not pinned")
        if name == "ADD":
            found.append("ADD takes what COPY would not")
        if name == "RUN" and re.search(r"curl|wget|apt-get|git clone|https?://|sudo", rest):
            found.append(f"RUN fetches from elsewhere than the package index: {rest}")
        if name == "RUN" and "pip install" in rest and "--require-hashes" not in rest:
            found.append("pip installs without hashes")
        if name == "USER":
            user = rest.partition(":")[0]
        if name == "CMD" and user in ("root", "0"):
            found.append("CMD runs as root")
        if name in ("CMD", "HEALTHCHECK") and not isinstance(
            json.loads(rest[rest.index("[") :] if "[" in rest else "0"), list
        ):
            found.append(f"{name} goes through a shell")
    found += [f"there is no {name}" for name in ("HEALTHCHECK", "USER", "CMD") if name not in names]
    if not any(name == "HEALTHCHECK" and HEALTH in rest for name, rest in steps):
        found.append(f"HEALTHCHECK does not ask {HEALTH}")
    return found


def test_the_dockerfile_does_nothing_that_it_must_not() -> None:
    assert complaints(DOCKERFILE) == []


@pytest.mark.parametrize(
    ("before", "after", "complaint"),
    [
        ("python:3.11.14-slim-bookworm", "python:latest", "FROM python:latest is not pinned"),
        ("python:3.11.14-slim-bookworm", "python", "FROM python is not pinned"),
        ("python:3.11.14-slim-bookworm", "python:3.11", "FROM python:3.11 is not pinned"),
        ("COPY . .", "ADD https://example.org/x .", "ADD takes what COPY would not"),
        ("USER 1000:1000", "USER root", "CMD runs as root"),
        ("USER 1000:1000\n", "", "CMD runs as root"),
        (" --require-hashes", "", "pip installs without hashes"),
        ("COPY . .", "RUN wget x.org/y", "RUN fetches from elsewhere"),
        ("HEALTHCHECK", "LABEL", "there is no HEALTHCHECK"),
        ("/ready", "/", "HEALTHCHECK does not ask"),
    ],
)
def test_each_of_these_mistakes_would_be_found(before: str, after: str, complaint: str) -> None:
    assert before in DOCKERFILE
    assert any(
        found.startswith(complaint) for found in complaints(DOCKERFILE.replace(before, after))
    )


def test_everything_is_written_below_tmp() -> None:
    rehearsal_env = dict(
        word.split("=", 1)
        for name, rest in read_steps(DOCKERFILE)
        if name == "ENV"
        for word in rest.split()
    )
    for name in ("HOME", "ASTROJEPA_CACHE", "NUMBA_CACHE_DIR"):
        assert rehearsal_env[name].startswith("/tmp"), name
    assert rehearsal_env["ASTROJEPA_MODE"] == "hosted"
    assert rehearsal_env["PYTHONDONTWRITEBYTECODE"] == "1"


def test_the_image_holds_the_program_its_weights_and_a_bundle_and_nothing_else() -> None:
    rules = [
        line
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    assert "!bundle" in rules
    names = {path.relative_to(ROOT).parts[0] for path in included(rules)} - {"bundle"}
    assert names == {"app", "astrojepa", "checkpoints", ".streamlit", "requirements.lock"}
    assert "**/__pycache__" in rules


def test_compose_takes_every_privilege_away() -> None:
    (service,) = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"].values()
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["mem_limit"] == "2g"
    assert service["pids_limit"] <= 512
    assert [mount.partition(":")[0] for mount in service["tmpfs"]] == ["/tmp"]
    assert all(volume.endswith(":ro") for volume in service["volumes"])
    assert all(port.startswith("127.0.0.1:") for port in service["ports"]), (
        "a proxy stands in front"
    )
    assert not {"privileged", "network_mode", "pid", "cap_add", "devices"} & service.keys()
    assert not service["image"].endswith("latest")


def test_the_space_speaks_on_the_port_that_the_image_opens() -> None:
    text = (ROOT / "deploy" / "huggingface" / "README.md").read_text()
    front = yaml.safe_load(text.split("---")[1])
    assert (front["sdk"], front["app_port"]) == ("docker", 8501)
    assert "EXPOSE 8501" in DOCKERFILE
    assert len(text.split("---")[2].strip()) > 50


def test_community_cloud_installs_the_lock() -> None:
    lines = (ROOT / "deploy" / "community_cloud" / "requirements.txt").read_text().splitlines()
    assert [line for line in lines if line.startswith("-r")] == ["-r ../requirements.lock"]


def test_no_file_of_the_deployment_names_an_index() -> None:
    for name in (
        "Dockerfile",
        "compose.yaml",
        "Makefile",
        "deploy/community_cloud/requirements.txt",
        "requirements.lock",
    ):
        assert not re.search(r"https?://(?!127\.0\.0\.1)", (ROOT / name).read_text()), name


def test_usage_statistics_stay_off_and_nobody_is_asked_for_the_address() -> None:
    settings = tomllib.loads((ROOT / "app" / ".streamlit" / "config.toml").read_text())
    assert settings["browser"] == {"gatherUsageStats": False, "serverAddress": "127.0.0.1"}
    assert settings["server"]["enableXsrfProtection"] is True
    assert settings["server"]["enableStaticServing"] is False


@pytest.fixture
def fresh() -> Iterator[Path]:
    """An empty folder outside /tmp, which the rehearsal covers."""
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode:
        pytest.skip("needs leave to make a mount namespace (root)")
    if Path(sys.prefix).resolve().is_relative_to("/tmp"):
        pytest.skip("this environment lies below /tmp, which the rehearsal covers")
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="rehearsal-test-") as folder:
        Path(folder).chmod(0o755)
        (Path(folder) / "image").mkdir()
        yield Path(folder)


REHEARSABLE = pytest.mark.skipif(
    f"FROM python:{sys.version_info.major}.{sys.version_info.minor}." not in DOCKERFILE,
    reason="needs the image's version of Python",
)


@REHEARSABLE
@pytest.mark.slow(15)
def test_the_dockerfiles_steps_start_an_explorer_without_privileges_on_a_read_only_disk(
    fresh: Path,
) -> None:
    with rehearsed(fresh / "image", Path(sys.prefix)) as (_, found):
        assert found.pop("healthy_after_s")
        assert found == {
            "user": "1000",
            "capabilities": 0,
            "no_new_privileges": True,
            "read_only_root": True,
            "page": 200,
        }


@REHEARSABLE
@pytest.mark.nightly
@pytest.mark.browser
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_what_these_steps_start_draws_a_bundle(fresh: Path, bundle: Path, browser: Any) -> None:
    shutil.copytree(bundle, fresh / "bundle")
    with rehearsed(fresh / "image", Path(sys.prefix), fresh / "bundle") as (url, _):
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        explorer = Explorer(context.new_page(), url).open("/?map=umap")
        assert explorer.canvas.get_attribute("data-drawn") == "60"
        explorer.page.get_by_text("Both", exact=True).click()
        explorer.says("Prediction error (squared)")
        # compiled on a read-only root
        explorer.appears(explorer.page.locator("canvas[aria-label*='UMAP of small.tiny']"))
        assert explorer.complaints == []
        context.close()
