"""Train one recipe for as many epochs as fit, or go on with it: python -m benchmarks.gpu.train"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import astrojepa as aj
from astrojepa.config import replace
from benchmarks.gpu.recipes import RECIPES, config_of

JUDGE_EVERY = 10  # epochs


def main() -> int:
    """Train; Ctrl-C saves after the present step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", choices=RECIPES)
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--tiny", action="store_true")
    options = parser.parse_args()
    config = config_of(options.recipe, options.tiny)
    warmup = min(config.optim.warmup_epochs, options.epochs / 10)
    config = replace(config, data=options.data, epochs=options.epochs, warmup_epochs=warmup)
    begun = (options.out / "last.pt").is_file()
    aj.train(
        config,
        out=None if begun else options.out,
        resume=options.out if begun else None,
        device=options.device,
        judge_every=JUDGE_EVERY,
    )
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt as stopped:
        print(stopped)
        sys.exit(130)
