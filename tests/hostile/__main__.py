"""Try every reader on damaged files: `python -m tests.hostile --cases 24000 --seed 1 --folder
/tmp/tried`.

Writes one line of JSON per reader. `--readers NAME ...` tries some only; `--record FILE` keeps what
became of all.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path

os.environ["JE_ARROW_MALLOC_CONF"] = "background_thread:false"  # tests/forking.py says why

from tests.hostile.readers import READERS
from tests.hostile.trial import try_all

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="tests.hostile", description=__doc__)
    parser.add_argument("--cases", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--readers", nargs="*", default=[reader.name for reader in READERS])
    parser.add_argument("--record", type=Path)
    given = parser.parse_args()
    began = time.monotonic()
    chosen = [reader for reader in READERS if reader.name in given.readers]
    outcomes = try_all(chosen, given.cases, given.seed, given.folder)
    if given.record:
        spent = os.times()
        record = {
            "seed": given.seed,
            "cases": sum(outcome.cases for outcome in outcomes),
            "minutes": round((time.monotonic() - began) / 60, 1),
            "processor_minutes": round(
                (spent.user + spent.system + spent.children_user + spent.children_system) / 60, 1
            ),
            "readers": [asdict(outcome) for outcome in outcomes],
        }
        given.record.write_text(json.dumps(record, indent=1) + "\n")
    sys.exit(any(outcome.failures for outcome in outcomes))
