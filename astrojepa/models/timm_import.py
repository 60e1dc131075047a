"""Import timm beside any build of torch.

timm imports torchvision, whose PyPI build registers fake kernels for its compiled CUDA operators
when it is imported. Beside a CPU-only torch those operators are missing and the import dies with
"operator torchvision::nms does not exist". Nothing here uses them, so only when that very error
appears an empty module takes the place of `torchvision._meta_registrations` and the import is
repeated.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

_REGISTRATIONS = "torchvision._meta_registrations"


def import_timm() -> ModuleType:
    """Return timm; other import errors than the missing operator pass."""
    try:
        return importlib.import_module("timm")
    except RuntimeError as error:
        if "operator torchvision::nms does not exist" not in str(error):
            raise
    for name in [name for name in sys.modules if name.partition(".")[0] in ("timm", "torchvision")]:
        del sys.modules[name]
    sys.modules[_REGISTRATIONS] = ModuleType(_REGISTRATIONS)
    return importlib.import_module("timm")


timm = import_timm()
