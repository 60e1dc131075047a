"""requirements.lock holds what pyproject.toml asks for, within its bounds, each package under
its hashes.
"""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
LOCK = (ROOT / "requirements.lock").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
MARKER = ' ; extra == "dev"'
ENTRY = re.compile(
    rf"([A-Za-z0-9._-]+)==(\S+)({MARKER})?((?: \\\n    --hash=sha256:[0-9a-f]{{64}})+)"
)


def asked(extra: str = "") -> list[Requirement]:
    """Every requirement of pyproject.toml, those of an extra and of the extras in it included."""
    found = []
    for one in map(
        Requirement, PROJECT["optional-dependencies"][extra] if extra else PROJECT["dependencies"]
    ):
        found += (
            [inner for name in one.extras for inner in asked(name)]
            if one.name == "astrojepa"
            else [one]
        )
    return found


def locked(marker: str = "") -> dict[str, str]:
    """Read the lines of the lock with this marker; the name of torch's build is left out."""
    return {
        canonicalize_name(line[1]): line[2].partition("+")[0]
        for line in ENTRY.finditer(LOCK)
        if (line[3] or "") == marker
    }


def test_every_line_of_the_lock_is_a_version_with_hashes() -> None:
    rest = ENTRY.sub("", "\n".join(line for line in LOCK.splitlines() if not line.startswith("#")))
    assert rest.strip() == ""


@pytest.mark.parametrize("extra", ["", "all", "dev"])
def test_the_lock_holds_every_requirement_within_its_bounds(extra: str) -> None:
    versions = locked() | (locked(MARKER) if extra == "dev" else {})
    for one in asked(extra):
        assert one.specifier.contains(versions[canonicalize_name(one.name)]), (
            f"{one}: run make lock"
        )


def test_what_only_development_needs_is_marked_so_that_a_host_does_not_install_it() -> None:
    assert {"pytest", "ruff", "mypy", "playwright", "hatchling"} <= locked(MARKER).keys()
    assert not locked().keys() & locked(MARKER).keys()


def test_requirements_txt_is_this_project_with_the_torch_of_the_lock() -> None:
    lines = [
        line
        for line in (ROOT / "requirements.txt").read_text().splitlines()
        if not line.startswith("#")
    ]
    assert lines == [
        "-e .[all]",
        *(f"{name}=={locked()[name]}" for name in ("torch", "torchvision")),
    ]


def test_make_takes_its_versions_from_the_lock() -> None:
    (rule,) = re.findall(r"sed -n '(.+)' requirements\.lock > \$@", (ROOT / "Makefile").read_text())
    done = subprocess.run(
        ["sed", "-n", rule, "requirements.lock"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    versions = dict(line.split("==") for line in done.stdout.splitlines())
    assert {
        canonicalize_name(name): version for name, version in versions.items()
    } == locked() | locked(MARKER)


def test_the_lock_names_torchs_cpu_build() -> None:
    assert re.search(r"^torch==[\d.]+\+cpu ", LOCK, re.MULTILINE)


def test_the_lock_names_no_index() -> None:
    assert not re.search(r"://|index-url|find-links|--extra|trusted-host", LOCK)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("numpy==2", "numpy==1"),
        lambda text: re.sub(r"(?m)^numpy==.*\n(    .*\n)+", "", text),
    ],
)
def test_another_version_and_a_missing_package_would_be_found(
    change, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{__name__}.LOCK", change(LOCK))
    with pytest.raises((AssertionError, KeyError)):
        test_the_lock_holds_every_requirement_within_its_bounds("")
