"""timm imports beside a torch with torchvision's operators and beside one without."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version

import pytest

CHECK = """
import sys, importlib, types
from importlib.machinery import ModuleSpec
class Fake:
    def find_spec(self, name, path=None, target=None):
        return ModuleSpec(name, self) if name == "torchvision._meta_registrations" else None
    def create_module(self, spec): return None
    def exec_module(self, module):
        if MODE == "missing": raise RuntimeError("operator torchvision::nms does not exist")
        if MODE == "broken": raise RuntimeError("CUDA driver is too old")
sys.meta_path.insert(0, Fake())
from astrojepa.models.timm_import import timm
from timm.models.vision_transformer import VisionTransformer
print("ok", timm.__version__)
"""


def run(mode: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", f"MODE = {mode!r}\n{CHECK}"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["present", "missing"])
def test_timm_imports_with_and_without_torchvisions_compiled_operators(mode):
    done = run(mode)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"ok {version('timm')}\n"


@pytest.mark.slow
def test_any_other_error_passes_through():
    done = run("broken")
    assert done.returncode != 0
    assert "CUDA driver is too old" in done.stderr
