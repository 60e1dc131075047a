"""Where files are that no command names: at the top of a checkout, or where a wheel put them.

A checkout keeps released weights in `checkpoints/` and the bundle of the first look in `demo/`. The
wheel carries both inside the package, in `share/`, so that an installed AstroJEPA needs no
checkout. Runs, data and reports are the user's: they are looked for in the current folder, and in
the checkout where there is one.
"""

from __future__ import annotations

import os
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
INSTALLED = (PACKAGE / "share").is_dir()
TOP = PACKAGE / "share" if INSTALLED else PACKAGE.parent  # TOP / "checkpoints", TOP / "demo"
# as messages tell a reader to call them
TRAIN = "astrojepa train" if INSTALLED else "python train.py"
EXPLORE = "astrojepa app" if INSTALLED else "streamlit run app/main.py --"


def cache_folder() -> Path:
    """Return the folder of computed arrays and of downloaded weights; it need not exist.

    `$ASTROJEPA_CACHE` if set, else `.cache/astrojepa` in the checkout, else in the user's home.
    """
    return Path(
        os.environ.get("ASTROJEPA_CACHE")
        or (Path.home() if INSTALLED else TOP) / ".cache" / "astrojepa"
    )
