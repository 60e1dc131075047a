"""Imports go downwards only, and each third party has one home."""

from __future__ import annotations

import ast
import functools
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LAYERS = {
    "types": 0,
    "wording": 0,
    "places": 0,
    "registries": 0,
    "explorer": 0,
    "notebook": 0,
    "settings": 0,
    "config": 0,
    "constants": 0,
    "progress": 0,
    "distributed": 0,
    "cache": 0,
    "files": 0,
    "tables": 0,
    "samp": 0,
    "precision": 0,
    "data": 1,
    "models": 1,
    "objective": 1,
    "presets": 1,
    "checkpoints": 2,
    "runs": 2,
    "plotting": 2,
    "evaluation": 3,
    "training": 3,
    "cli": 4,
    "__main__": 5,
}
APART = [{"models", "objective", "data"}]
HOMES = {
    "h5py": {"astrojepa/data"},
    "PIL": {"astrojepa/data", "astrojepa/plotting.py"},
    "timm": {"astrojepa/models"},
    "sklearn": {"astrojepa/evaluation"},
    "umap": {"astrojepa/evaluation"},
    "openTSNE": {"astrojepa/evaluation"},
    "astropy": {"astrojepa/data", "astrojepa/tables.py", "astrojepa/samp.py"},
    "safetensors": {"astrojepa/checkpoints"},
    "pyarrow": {"astrojepa/data", "astrojepa/evaluation/vectors", "astrojepa/tables.py"},
    "duckdb": {"astrojepa/evaluation/vectors"},
    "astropy_healpix": {"astrojepa/data/sky.py"},
    "faiss": {"astrojepa/evaluation/vectors"},
    "plotly": {"astrojepa/plotting.py"},
    "streamlit": {"app"},
    "anywidget": {"app/notebook"},
    "traitlets": {"app/notebook"},
    "huggingface_hub": {"astrojepa/checkpoints/hub.py"},
    "filelock": {"astrojepa/files.py", "astrojepa/data/download/galaxy10.py"},
}
FILES = sorted(
    [*(ROOT / "astrojepa").rglob("*.py"), *(ROOT / "app").rglob("*.py"), ROOT / "train.py"]
)


@functools.cache
def imports(path: Path) -> frozenset[str]:
    """Every module that a file imports when it runs, at the top or inside functions;
    type-checking blocks are not run.
    """
    tree = ast.parse(path.read_text())
    skipped = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    found = set()
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        # the app's own modules are relative
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(node.module or "")
            if node.module == "astrojepa":
                found |= {f"astrojepa.{alias.name}" for alias in node.names}
    return frozenset(found)


def part(module: str) -> str:
    """The piece of the package that a module belongs to."""
    return module.split(".")[1] if module.count(".") else ""


@pytest.mark.parametrize(
    "path",
    [path for path in FILES if path.is_relative_to(ROOT / "astrojepa")],
    ids=lambda p: str(p.relative_to(ROOT)),
)
def test_a_module_imports_only_from_its_own_layer_or_below(path):
    own = path.relative_to(ROOT / "astrojepa").parts[0].removesuffix(".py")
    if own == "__init__":
        return
    for module in imports(path):
        if not module.startswith("astrojepa."):
            continue
        other = part(module)
        assert LAYERS[other] <= LAYERS[own], f"{own} imports {module}, which is above it"
        if own != other:
            assert not any({own, other} <= group for group in APART), (
                f"{own} and {other} must not know each other"
            )
    assert own in LAYERS


def test_evaluation_never_imports_training():
    for path in (ROOT / "astrojepa" / "evaluation").rglob("*.py"):
        assert not any(module.startswith("astrojepa.training") for module in imports(path)), path


@pytest.mark.parametrize("library", HOMES)
def test_each_third_party_has_one_home(library):
    for path in FILES:
        if any(module.partition(".")[0] == library for module in imports(path)):
            place = path.relative_to(ROOT)
            assert any(place.is_relative_to(home) for home in HOMES[library]), (
                f"{place} imports {library}"
            )


def test_nothing_imports_what_only_some_systems_have():
    for path in FILES:
        absent = imports(path) & {
            "fcntl",
            "grp",
            "posix",
            "pwd",
            "resource",
            "termios",
            "msvcrt",
            "winreg",
        }
        assert not absent, (
            f"{path.relative_to(ROOT)} imports {absent}; Windows or the others lack it"
        )


def test_what_pages_stand_on_knows_no_page():
    for room in ("components", "server", "session"):
        for path in (ROOT / "app" / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ImportFrom) and node.level:
                    assert "pages" not in (node.module or "").split("."), path


def test_the_app_computes_nothing_itself():
    for path in (ROOT / "app").rglob("*.py"):
        heavy = {module.partition(".")[0] for module in imports(path)} & {
            "torch",
            "timm",
            "sklearn",
            "h5py",
            "umap",
            "openTSNE",
        }
        assert not heavy, f"{path.relative_to(ROOT)} imports {heavy}"
