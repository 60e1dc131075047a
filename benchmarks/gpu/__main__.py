"""Use a short time on a GPU in the order of value: numerical tests on the device, speeds beside
the official I-JEPA step, a profile, then training, recipe after recipe.

python -m benchmarks.gpu --data galaxies-128 --out results --seconds 560

What is done is not done again: the same command goes on where the last one stopped, a training
too, as long as --work is kept. Each training gets as many epochs as fit into the time that is left,
by the speed that was measured. Results are one archive in pieces that a narrow door lets through:
cat results.tar.* | tar x. Rehearse with --device cpu --tiny --data simulated:96.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import Any

from astrojepa.files import read_json, write_json
from benchmarks.gpu.recipes import RECIPES

ROOT = Path(__file__).parents[2]
PIECE = 16 * 2**20 - 4096  # bytes of a piece of the archive
MOST_PIECES = 8
SPARE = 20.0  # seconds kept for the archive and for saving
SHARE = 0.8  # of the time left that a training is planned to take
JUDGED = 0.2  # seconds an epoch for judging and saving, which takes a second or two every tenth
GALAXIES = 13_624  # training images, unless --galaxies says otherwise


class Runner:
    """Runs parts as processes with deadlines and remembers which are done."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options, self.begun = options, time.monotonic()
        self.work: Path = options.work
        self.work.mkdir(parents=True, exist_ok=True)
        self.state = self.work / "done.json"
        self.done: dict[str, Any] = read_json(self.state) if self.state.is_file() else {}
        self.environment = os.environ | {
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
            "ASTROJEPA_TEST_DEVICE": options.device,
            "ASTROJEPA_CACHE": str(self.work / "cache"),
            "TORCHINDUCTOR_CACHE_DIR": str(self.work / "inductor"),
            "HF_HUB_OFFLINE": "1",
            "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "4"),
        }

    @property
    def left(self) -> float:
        """Seconds left of this command."""
        return float(self.options.seconds - SPARE - (time.monotonic() - self.begun))

    def part(self, name: str, words: list[Any], most: float = 1e9, least: float = 10.0) -> bool:
        """Run `python words` unless it is done; returns whether it is. A deadline is a Ctrl-C."""
        if name in self.done:
            return True
        if self.left < least:
            print(f"later   {name}: {self.left:.0f} s left", flush=True)
            return False
        begun = time.monotonic()
        with (self.work / "log.txt").open("a") as log:
            log.write(f"\n===== {name}\n")
            log.flush()
            process = subprocess.Popen(
                [sys.executable, *map(str, words)],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
            try:
                code = process.wait(min(most, self.left))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGINT)
                try:
                    code = process.wait(SPARE / 2)
                except subprocess.TimeoutExpired:
                    process.kill()
                    code = process.wait()
        passed = time.monotonic() - begun
        print(f"{'ok' if code == 0 else f'code {code}':7s} {name} {passed:.0f} s", flush=True)
        if code == 0:
            self.done[name] = round(passed, 1)
            write_json(self.state, self.done)
        return code == 0

    def check(self) -> None:
        """Test and time the device."""
        tiny = ["--tiny"] if self.options.tiny else []
        device = ["--device", self.options.device]
        tests = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "benchmarks/gpu/test_device.py"]
        self.part("tests", [*tests, *(["-k", "bit or float64"] if tiny else [])], 170)
        self.part("speed", ["-m", "benchmarks.gpu.speed", "--out", self.work, *device, *tiny], 300)

    def train(self, name: str) -> None:
        """Train a recipe to the end of its schedule, or go on with it; export what there is."""
        folder, options = self.work / "runs" / name, self.options
        planned = self.work / f"{name}.epochs.json"
        if not planned.is_file():
            epochs = self.epochs(name)
            if epochs < 1:
                print(f"later   {name}: no epoch fits into {self.left:.0f} s", flush=True)
                return
            write_json(planned, {"epochs": epochs, "wanted": RECIPES[name].epochs})
        words = ["-m", "benchmarks.gpu.train", name, "--epochs", read_json(planned)["epochs"]]
        words += ["--data", options.data, "--out", folder, "--device", options.device]
        if f"train {name}" not in self.done:
            self.done.pop(f"export {name}", None)  # of an earlier step
        self.part(f"train {name}", [*words, *(["--tiny"] if options.tiny else [])])
        if (folder / "last.pt").is_file():
            export = ["-m", "astrojepa", "export", folder, "--id", name, "--out", self.work / "out"]
            self.part(f"export {name}", export, least=-SPARE / 2)

    def epochs(self, name: str) -> int:
        """Return how many epochs fit, at most those of the recipe."""
        if self.options.tiny:
            return 1
        path = self.work / "speed.json"
        rows = read_json(path)["rows"] if path.is_file() else {}
        speed = rows.get(f"{name} compiled", {}).get("images_per_second")
        if not speed:
            return RECIPES[name].epochs
        seconds = self.options.galaxies / speed + JUDGED
        return min(RECIPES[name].epochs, int(SHARE * self.left / seconds))

    def archive(self) -> None:
        """Write everything worth keeping, without run folders and caches, in pieces."""
        kept = [path for path in sorted(self.work.iterdir()) if path.is_file()]
        kept += sorted((self.work / "out").glob("*.*"))
        out: Path = self.options.out
        out.mkdir(parents=True, exist_ok=True)
        for old in out.glob("results.tar.*"):
            old.unlink()
        whole = self.work / "cache" / "results.tar"
        whole.parent.mkdir(exist_ok=True)
        with tarfile.open(whole, "w") as archive:
            for path in kept:
                archive.add(path, path.name)
        with whole.open("rb") as stream:
            number = 0
            while piece := stream.read(PIECE):
                (out / f"results.tar.{number:02d}").write_bytes(piece)
                number += 1
        if number > MOST_PIECES:
            print(f"{number} pieces, more than {MOST_PIECES}: fetch them in two commands")
        print(f"{out}: {whole.stat().st_size:,} bytes in {number} pieces")


def table(work: Path) -> list[str]:
    """Lay out the speeds that were measured."""
    path = work / "speed.json"
    if not path.is_file():
        return []
    found = read_json(path)
    lines = [f"{'recipe':34s} images/s  of peak  memory, GB"]
    for name, row in [*found["rows"].items(), *found["official"].items()]:
        if "failed" in row:
            lines.append(f"{name:34s} {row['failed']}")
            continue
        title = name if "share_of_peak" in row else f"{name} official, eager"
        share, memory = row.get("share_of_peak"), row.get("memory_gb")
        lines.append(
            f"{title:34s} {row['images_per_second']:8.0f}"
            + (f"  {share:7.1%}" if share else "")
            + (f"  {memory:10.1f}" if memory else "")
        )
    return lines


def main() -> int:
    """Do what fits into the time."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for the archive")
    parser.add_argument("--work", type=Path, default=Path("runs/gpu"), help="folder that stays")
    parser.add_argument("--data", default="galaxies", help="as train.py takes it")
    parser.add_argument("--seconds", type=float, default=560.0, help="of this command")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--recipes", nargs="+", choices=RECIPES, default=list(RECIPES))
    parser.add_argument("--galaxies", type=int, default=GALAXIES, help="training images")
    parser.add_argument("--tiny", action="store_true", help="rehearse with tiny networks")
    options = parser.parse_args()
    options.work = options.work.resolve()
    runner = Runner(options)
    runner.check()
    for name in options.recipes:
        runner.train(name)
    print("\n".join(table(options.work)))
    runner.archive()
    wanted = {"tests", "speed", *(f"train {name}" for name in options.recipes)}
    missing = sorted(wanted - runner.done.keys())
    print(json.dumps({"done": sorted(runner.done), "missing": missing}))
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
