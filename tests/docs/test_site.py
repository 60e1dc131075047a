"""The documentation site builds without a warning, and its reference holds the whole public API."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import astrojepa as aj
from astrojepa.cli import make_parser

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make docs` builds it."""
    folder = tmp_path_factory.mktemp("site")
    command = [
        sys.executable,
        "-m",
        "mkdocs",
        "build",
        "--strict",
        "--quiet",
        "--site-dir",
        str(folder),
    ]
    built = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr
    assert built.stderr == ""
    return folder


def test_the_reference_holds_every_public_name_with_its_docstring(site):
    page = (site / "reference.html").read_text()
    for name in aj.__all__:
        assert re.search(rf'<h3 id="astrojepa.{name}"', page), name
        first = getattr(aj, name).__doc__.split()[0]
        assert first in page.partition(f'id="astrojepa.{name}"')[2][:6000], name


def test_every_command_has_its_help_on_a_page_and_so_have_its_actions(site):
    page = (site / "commands.html").read_text()
    (commands,) = (action.choices for action in make_parser()._subparsers._group_actions)
    for name in [*commands, "data audit", "data cutouts", "data download", "data pack"]:
        assert f"usage: astrojepa {name} " in page, name


def test_tutorials_show_the_code_and_its_output(site):
    assert "def sigreg(" in re.sub("<[^>]+>", "", (site / "tutorials" / "minimal.html").read_text())
    for name in ("map", "probe"):
        assert (site / "tutorials" / f"{name}.html").is_file()


def test_the_site_loads_nothing_from_elsewhere(site):
    for page in site.rglob("*.html"):
        loaded = re.findall(
            r'<(?:script|img|iframe)[^>]+src="(https?:[^"]+)"|<link[^>]+rel="(?:stylesheet|preconnect)"[^>]+href="(https?:[^"]+)"',
            page.read_text(),
        )
        assert not loaded, f"{page}: {loaded}"
