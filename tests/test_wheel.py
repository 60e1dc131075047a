"""The wheel, installed where there is no checkout: everything that a user does first works
there.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import astrojepa as aj
from benchmarks.serving import READY, free_port, wait_until_healthy
from tests.app.explorer_page import Explorer

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.slow
PIP = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input"]
ALONE = (  # no connection leaves the process
    "import socket, sys\n"
    "def refused(*arguments): raise AssertionError(f'a connection to {arguments[1:]}')\n"
    "socket.socket.connect = socket.socket.connect_ex = refused\n"
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, as `pip wheel .` builds it."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [*PIP, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT)],
        check=True,
    )
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the wheel was installed, over the packages that are there."""
    folder = tmp_path_factory.mktemp("site")
    subprocess.run([*PIP, "install", "--no-deps", "--target", str(folder), str(wheel)], check=True)
    return folder


def user_of(site: Path, folder: Path) -> dict[str, str]:
    """The environment of a user who has nothing but the wheel: a home of their own, no settings,
    no cache.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ASTROJEPA_", "STREAMLIT_", "PYTEST_"))
    }
    (folder / "home").mkdir()
    (folder / "elsewhere").mkdir()
    return kept | {"PYTHONPATH": str(site), "HOME": str(folder / "home"), "OMP_NUM_THREADS": "1"}


@pytest.fixture
def environment(site: Path, tmp_path: Path) -> dict[str, str]:
    return user_of(site, tmp_path)


def run(command: list[str], folder: Path, environment: dict[str, str]) -> str:
    """Run a command in an empty folder; AssertionError with what it said where it fails."""
    done = subprocess.run(
        command,
        cwd=folder / "elsewhere",
        env=environment,
        capture_output=True,
        text=True,
        timeout=570,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def console(site: Path) -> str:
    return str(site / "bin" / "astrojepa")


def test_the_wheel_brings_one_name_into_site_packages(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.partition("/")[0] for name in names} == {
        "astrojepa",
        f"astrojepa-{aj.__version__}.dist-info",
    }
    assert not [
        name for name in names if re.search(r"__pycache__|\.pyc$|(^|/)(tests|benchmarks)/", name)
    ]


def test_the_wheel_holds_every_file_of_package_and_explorer(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    listed = subprocess.run(
        ["git", "ls-files", "astrojepa", "app", "checkpoints"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if listed.returncode:
        pytest.skip("needs a checkout, to know which files are the project's")
    places = {
        "app": "astrojepa/app",
        "checkpoints": "astrojepa/share/checkpoints",
        "astrojepa": "astrojepa",
    }
    for path in listed.stdout.splitlines():
        top, _, rest = path.partition("/")
        assert f"{places[top]}/{rest}" in names


def test_the_console_script_knows_its_version_and_its_commands(
    site: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    assert (
        run([console(site), "--version"], tmp_path, environment) == f"astrojepa {aj.__version__}\n"
    )
    shown = run([console(site), "--help"], tmp_path, environment)
    for command in (
        "train",
        "app",
        "embed",
        "probe",
        "anomalies",
        "project",
        "report",
        "export",
        "data",
    ):
        assert re.search(rf"^ +{command} ", shown, re.MULTILINE), command


def test_the_default_model_loads_and_embeds_without_a_network(
    site: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    code = (
        ALONE
        + "import astrojepa as aj\nmodel = aj.load_model('best')\nprint(model.id, aj.__file__)\n"
    )
    code += "print(*aj.embed(model, aj.open_dataset('simulated:20')).vectors.shape)"
    found = run([sys.executable, "-c", code], tmp_path, environment).splitlines()
    best = aj.load_model("best")
    assert found == [
        f"{best.id} {site / 'astrojepa' / '__init__.py'}",
        f"20 {best.width}",
    ]
    kept = sorted(
        path.name.partition("-")[0]
        for path in (tmp_path / "home" / ".cache" / "astrojepa").iterdir()
    )
    assert "embeddings" in kept, "what is computed is kept in the user's home, not in site-packages"


def test_it_trains_and_what_was_trained_embeds(
    site: Path, tmp_path: Path, environment: dict[str, str], tiny_flags: list[str]
) -> None:
    given = [*tiny_flags, "--lambda", "0.6", "--epochs", "1", "--out", "run", "--device", "cpu"]
    said = run([console(site), "train", *given], tmp_path, environment)
    assert "Explore it with: astrojepa app --data " in said
    assert (tmp_path / "elsewhere" / "run" / "last.pt").is_file()
    card = aj.load_model(tmp_path / "elsewhere" / "run").card
    assert card["environment"]["commit"] == f"release {aj.__version__}"
    run(
        [console(site), "embed", "run", "--data", "simulated:20", "--out", "v.npz"],
        tmp_path,
        environment,
    )
    assert (tmp_path / "elsewhere" / "v.npz").is_file()


@pytest.fixture(scope="module")
def explorer(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """`astrojepa app` in an empty folder: its address and what it prints."""
    folder = tmp_path_factory.mktemp("user")
    port, log = free_port(), folder / "log.txt"
    user = user_of(site, folder)
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [console(site), "app", "--port", str(port)],
            cwd=folder / "elsewhere",
            env=user | {"STREAMLIT_SERVER_HEADLESS": "true"},
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until_healthy(url, process, log, READY)
        yield url, log
    finally:
        process.terminate()
        process.wait(20)


@pytest.mark.browser
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_the_explorer_serves_a_map_under_the_settings_of_the_project(
    explorer: tuple[str, Path], browser: Any
) -> None:
    url, log = explorer
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = Explorer(context.new_page(), url).open("/")
    assert page.canvas.get_attribute("data-drawn") == "1000", "not the map of the first look"
    assert page.complaints == []
    assert page.outside == [], "usage statistics and the question for the machine's address are off"
    context.close()
    said = [line.strip() for line in log.read_text().splitlines() if line]
    assert said == ["You can now view your Streamlit app in your browser.", f"URL: {url}"]


def test_the_explorer_is_ready_under_its_own_name(
    explorer: tuple[str, Path], site: Path, environment: dict[str, str]
) -> None:
    code = (
        ALONE + "from astrojepa.app.pages.registry import pages\nassert 'app' not in "
        "sys.modules\nprint(*pages())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        cwd=site.parent,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.stdout.split() == [
        "map",
        "galaxy",
        "anomalies",
        "probe",
        "compare",
        "models",
        "about",
    ], done.stderr[-2000:]
