"""data: describe, verify, audit, pack or download a data set."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from astrojepa.cli.options import add_data, add_value, declare, json_file, open_data
from astrojepa.files import write_json


def add_to(commands: Any) -> None:
    """Declare the commands of this file."""
    help = "Describe a data set; or verify, audit, pack, download or fetch one."
    data = declare(commands, "data", _contents, help, "--data galaxies", model=False)
    add_data(data)
    actions = data.add_subparsers(
        metavar="[ACTION]", title="actions, each with a --help of its own"
    )
    help = "Identify a Galaxy10 file by its SHA-256, or decode every image of a folder."
    verify = _declare_action(actions, "verify", _verify, help, "--data data/Galaxy10_DECals.h5")
    _add_data_again(verify)
    help = "Find duplicates, label conflicts, leaks between splits, bad frames and survey biases."
    audit = _declare_action(actions, "audit", _audit, help, "--data galaxies --out audit.json")
    _add_data_again(audit)
    audit.add_argument(
        "--out",
        type=json_file,
        help="JSON file with all ids; the printed report shows the first ones",
    )
    help = "Download Galaxy10 DECaLS (2.7 GB), or resume a download."
    example = "--out data/Galaxy10_DECals.h5"
    download = _declare_action(actions, "download", _download, help, example)
    download.add_argument(
        "--out",
        type=Path,
        default=Path("data/Galaxy10_DECals.h5"),
        help="file to write (default data/Galaxy10_DECals.h5)",
    )
    download.add_argument(
        "--url", default="", help="another https URL of the same file (default: Zenodo)"
    )

    _declare_cutouts(actions)
    help = "Write a smaller copy of a data set, complete enough for training."
    example = "--data galaxies --size 160 --out galaxies-160"
    small = _declare_action(actions, "pack", _pack, help, example)
    _add_data_again(small)
    add_value(small, "--size", 160, "largest image side, pixels")
    small.add_argument(
        "--format", default="jpeg", help="jpeg (default), or webp, a quarter of the size"
    )
    small.add_argument(
        "--quality", type=int, help="image quality, 1 to 100 (default: jpeg 92, webp 80)"
    )
    small.add_argument("--out", type=Path, required=True, help="folder to create")


def _declare_cutouts(actions: Any) -> None:
    help = "Fetch an image of each galaxy of a catalogue into a folder, or continue."
    example = "catalogue.fits --service legacysurvey --out my_galaxies"
    cutouts = _declare_action(actions, "cutouts", _cutouts, help, example)
    cutouts.add_argument("catalogue", type=Path, help="table with ra and dec in degrees, and id")
    cutouts.add_argument("--out", type=Path, required=True, help="folder to create or complete")
    cutouts.add_argument(
        "--service", default="legacysurvey", help="legacysurvey (default) or hips (CDS)"
    )
    cutouts.add_argument(
        "--layer", default="", help="survey of the service (default ls-dr9, or CDS/P/DSS2/color)"
    )
    add_value(cutouts, "--size", 256, "side, pixels")
    add_value(cutouts, "--scale", 0.262, "arcseconds per pixel")
    cutouts.add_argument("--format", default="jpeg", help="jpeg (default) or fits")
    cutouts.add_argument("--bands", default="", help="filters, one letter each (default grz)")
    add_value(cutouts, "--rate", 2.0, "largest number of requests a second")
    cutouts.add_argument("--url", default="", help="another https address of the service")


def _declare_action(
    actions: Any, name: str, run: Callable[[argparse.Namespace], int], help: str, example: str
) -> argparse.ArgumentParser:
    made: argparse.ArgumentParser = actions.add_parser(
        name, help=help, description=help, epilog=f"example: astrojepa data {name} {example}"
    )
    made.set_defaults(run=run)
    return made


def _add_data_again(action: argparse.ArgumentParser) -> None:
    """Take --data and its companions after the action too, keeping earlier values."""
    add_data(action)
    for item in action._actions:
        item.default = argparse.SUPPRESS


def _contents(options: argparse.Namespace) -> int:
    data = open_data(options)
    print(
        f"{data.name}: {len(data):,} galaxies, {int((data.labels >= 0).sum()):,} labelled, "
        f"fingerprint {data.fingerprint}"
    )
    for index, name in enumerate(data.classes):
        print(f"  {name:30s} {int((data.labels == index).sum()):6,}")
    if data.split_column is not None:
        for name in sorted(set(data.split_column.tolist())):
            print(f"  split {name:24s} {int((data.split_column == name).sum()):6,}")
    return 0


def _verify(options: argparse.Namespace) -> int:
    from astrojepa.data import DataError, find_data
    from astrojepa.data.audit.readable import check_pictures
    from astrojepa.data.download.known_files import verify_galaxy10

    source = find_data(options.data)
    if source.startswith("simulated"):
        raise ValueError(
            "Simulated galaxies have no file to verify; give an HDF5 file or a folder with --data."
        )
    if Path(source).is_file():
        print(verify_galaxy10(Path(source), progress=sys.stderr.isatty()))
        return 0
    data = open_data(options)
    found = check_pictures(data, progress=sys.stderr.isatty())
    print(f"{data.name}: {found.num_readable:,} of {len(data):,} images are readable")
    for size, count in found.sizes.items():
        print(f"  {size:30s} {count:6,}")
    for complaint in found.complaints:
        print(complaint)
    if found.complaints:
        count = len(found.complaints)
        raise DataError(
            f"{count:,} of {len(data):,} images cannot be read; replace them, or leave them out "
            "with --skip-corrupt."
        )
    return 0


def _audit(options: argparse.Namespace) -> int:
    from astrojepa.data.audit.audit import audit
    from astrojepa.data.audit.report import report_lines

    found = audit(open_data(options), progress=sys.stderr.isatty())
    for line in report_lines(found):
        print(line)
    if options.out:
        write_json(
            options.out,
            {"where": options.where or [], "label_column": options.label_column} | found,
        )
    return 0


def _pack(options: argparse.Namespace) -> int:
    from astrojepa.data.pack import pack

    data = open_data(options)
    how = {"format": options.format, "quality": options.quality}
    folder = pack(data, options.out, options.size, **how, progress=sys.stderr.isatty())
    total = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    print(f"{folder}: {len(data):,} galaxies, {total / 1e6:.1f} MB")
    return 0


def _cutouts(options: argparse.Namespace) -> int:
    from astrojepa.data.catalogue import position_form, read_catalogue
    from astrojepa.data.download.cutouts import Cutout, fetch_cutouts

    what = Cutout(options.size, options.scale, options.format, options.layer, options.bands)
    catalogue = read_catalogue(options.catalogue)
    found = fetch_cutouts(
        catalogue,
        options.out,
        options.service,
        what,
        url=options.url,
        rate=options.rate,
        progress=sys.stderr.isatty(),
        say=_say,
    )
    print(f"{options.out}: {found}; {position_form(catalogue)}.")
    return 0


def _download(options: argparse.Namespace) -> int:
    from astrojepa.data.download.galaxy10 import URL, download

    progress = sys.stderr.isatty()
    print(download(options.out, options.url or URL, progress=progress, say=_say))
    return 0


def _say(text: str) -> None:
    print(text, file=sys.stderr)
