"""requirements.lock names what requirements.txt and constraints.txt name, each under its hashes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
LOCK = (ROOT / "requirements.lock").read_text()
ENTRY = re.compile(r"([A-Za-z0-9._-]+)==(\S+)((?: \\\n    --hash=sha256:[0-9a-f]{64})+)")


def pins(name: str) -> dict[str, str]:
    """Read NAME==VERSION lines."""
    lines = (line.split("#")[0].strip() for line in (ROOT / name).read_text().splitlines())
    return {canonicalize_name(found[1]): found[2] for line in lines if (found := re.fullmatch(r"([\w.-]+)==(\S+)", line))}


def locked() -> dict[str, str]:
    """Read the lock; the name of torch's build is left out."""
    return {canonicalize_name(name): version.partition("+")[0] for name, version, _ in ENTRY.findall(LOCK)}


def test_every_line_of_the_lock_is_a_version_with_hashes() -> None:
    rest = ENTRY.sub("", "\n".join(line for line in LOCK.splitlines() if not line.startswith("#")))
    assert rest.strip() == ""


def test_the_lock_holds_every_direct_dependency_in_its_version() -> None:
    assert pins("requirements.txt").items() <= locked().items()


def test_the_lock_agrees_with_the_constraints() -> None:
    known = pins("requirements.txt") | pins("constraints.txt")
    other = {name: (version, known.get(name)) for name, version in locked().items() if known.get(name) != version}
    assert not other, "run make lock, or add to constraints.txt what came along"


def test_the_lock_names_torchs_cpu_build() -> None:
    assert re.search(r"^torch==[\d.]+\+cpu ", LOCK, re.MULTILINE)


def test_the_lock_names_no_index() -> None:
    assert not re.search(r"://|index-url|find-links|--extra|trusted-host", LOCK)


@pytest.mark.parametrize(
    "change", [lambda text: text.replace("numpy==2", "numpy==1"), lambda text: re.sub(r"(?m)^numpy==.*\n(    .*\n)+", "", text)]
)
def test_another_version_and_a_missing_package_would_be_found(change, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.LOCK", change(LOCK))
    with pytest.raises(AssertionError):
        test_the_lock_holds_every_direct_dependency_in_its_version()
