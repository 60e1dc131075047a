"""The galaxy simulator: labelled images with known physics, always marked as simulated.

The parts, from inside out: simulate_light.py (profiles, arms, dust), simulate_galaxy.py and
simulate_encounter.py (whole galaxies), simulate_camera.py (seeing, noise, colour),
simulate_scene.py (one stamp), simulate_census.py (which galaxy is number i), simulate_workers.py
(many stamps). Only numpy, scipy and Pillow are used, and every image follows from (seed, number,
size), so that a simulation can be named in a paper by those alone.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import pandas as pd

from astrojepa.cache import cache_path, supplied_arrays
from astrojepa.data.dataset import Dataset, ImageReader
from astrojepa.data.simulate.camera import SURVEYS
from astrojepa.data.simulate.census import ARTEFACTS, CLASSES, KINDS, Census, take_census
from astrojepa.data.simulate.stamp import TRUTHS
from astrojepa.data.simulate.workers import SMALL, draw_member, draw_stamps, suitable_processes
from astrojepa.files import atomic_write, naming, temporary_folder
from astrojepa.progress import Listener, steady_bar

# raise it whenever an image or a parameter changes: caches are named after it
SIMULATOR_VERSION = 3
MAX_COUNT = 1_000_000
MIN_SIZE, MAX_SIZE = 32, 512


def simulate(count: int, seed: int = 0, size: int = 128, progress: Listener = False) -> Dataset:
    """Return `count` simulated galaxies of size × size pixels, red = z, green = r, blue = g.

    Classes are Galaxy10 DECaLS's in its frequencies, in random order. Galaxy "sim-<seed>-<number>"
    is the same whatever the count; only the order depends on it. About one row in 200 each is a
    ring or a lens (column `kind`; labelled with the closest class) or carries one of three
    artefacts (column `artefact`); one in 333 repeats the image of an earlier number under a new
    id and a conflicting label (column `duplicate_of` names the earlier id, "" elsewhere).

    Columns of `.table`, NaN where they do not apply: kind, artefact, survey ("south" or "north"),
    duplicate_of; pitch_deg (of the arms, 7 to 38 degrees); num_arms; bar_strength (the bar's share
    of the light); bulge_to_total (of the light, 0 to 1); inclination_deg (0 face-on, 90 edge-on);
    psf_fwhm_arcsec (r band); snr (of the r-band light within the half-light radius, one number per
    galaxy); half_light_radius_px (r band, of the whole galaxy before the camera); num_stars;
    arcsec_per_pixel. Coordinates and redshifts are NaN.

    The first call draws (about 65 stamps of 128 px a second on each core) and keeps the images in
    the cache; later calls open them as a memory map. Where a bundle supplies the parameters
    (`cache.read_first`), each stamp is drawn when it is read, and all are when `frames` wants them.
    Raises ValueError for a count outside 1 to 1,000,000, a size outside 32 to 512 or a negative
    seed, and OSError when the disk is too small. *Source:* see the modules named above.
    """
    _check(count, seed, size)
    key = f"{count}-{seed}-{size}-v{SIMULATOR_VERSION}"
    pictures_path = cache_path("simulated", key, ".npy")
    truths_path = cache_path("simulated", key, ".npz")
    census = take_census(count, seed)
    name = f"simulated-{key}"
    opened = _open(pictures_path, truths_path, count, size)
    if opened is None and (known := _known(supplied_arrays(truths_path), count)) is not None:
        return _assemble(StampArtist(pictures_path, census, seed, size), known, census, seed, name)
    if opened is None:
        _draw(pictures_path, truths_path, count, seed, size, progress)
        opened = _open(pictures_path, truths_path, count, size)
        if opened is None:
            raise OSError(
                f"Expected the simulated galaxies just written to {pictures_path}, could not read "
                f"them. Check the disk."
            )
    return _assemble(*opened, census, seed, name)


class StampFile:
    """Reads stamps from a memory-mapped array; opens the file again wherever it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stamps = np.load(path, mmap_mode="r")

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of stamps, height, width, channels."""
        return tuple(self._stamps.shape)

    def read(self, row: int) -> np.ndarray:
        """Return one stamp as uint8 (size, size, 3), a copy."""
        return np.array(self._stamps[row])

    def __reduce__(self) -> tuple[type[StampFile], tuple[Path]]:
        return StampFile, (self.path,)


class StampArtist:
    """Draws a stamp whenever one is read, until all have been drawn into the cache."""

    def __init__(self, path: Path, census: Census, seed: int, size: int) -> None:
        self.path, self._census, self._seed, self._size = path, census, seed, size
        self._file: StampFile | None = None

    def read(self, row: int) -> np.ndarray:
        """Return one stamp as uint8 (size, size, 3)."""
        if (drawn := self._drawn()) is not None:
            return drawn.read(row)
        return self.draw(row)[0]

    def draw(self, row: int) -> tuple[np.ndarray, np.ndarray]:
        """Draw one stamp: the image, and its TRUTHS, float64 (11,)."""
        return draw_member(self._census, self._seed, row, self._size)

    def prepare(self, count: int, progress: Listener = False) -> None:
        """Prepare for so many reads: from a few hundred on, draw all stamps into the cache."""
        if count >= SMALL and self._drawn() is None:
            truths, total = self.path.with_suffix(".npz"), len(self._census.kinds)
            _draw(self.path, truths, total, self._seed, self._size, progress)

    def _drawn(self) -> StampFile | None:
        if self._file is None and self.path.is_file():
            opened = _open(
                self.path, self.path.with_suffix(".npz"), len(self._census.kinds), self._size
            )
            self._file = opened[0] if opened else None
        return self._file


def _check(count: int, seed: int, size: int) -> None:
    """Raise ValueError unless the request is within bounds."""
    for name, value, low, high in (
        ("count", count, 1, MAX_COUNT),
        ("size", size, MIN_SIZE, MAX_SIZE),
    ):
        if (
            isinstance(value, bool)
            or not isinstance(value, int | np.integer)
            or not low <= value <= high
        ):
            raise ValueError(
                f"Expected a whole number from {low} to {high:,} as {name} of the simulation, "
                f"found {value!r}. "
                f'Choose another, e.g. "simulated:5000" or simulate(count=5000, size=128).'
            )
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise ValueError(
            f"Expected a whole number of at least 0 as seed of the simulation, found {seed!r}. "
            f"Choose another."
        )


def _open(
    pictures: Path, truths: Path, count: int, size: int
) -> tuple[StampFile, np.ndarray] | None:
    """Open a cached simulation; None when a file is missing, cut short or of another shape."""
    try:
        reader = StampFile(pictures)
        with truths.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            known = archive["truths"]
    except (OSError, ValueError, EOFError, KeyError, BadZipFile):
        return None
    sound = reader.shape == (count, size, size, 3) and _known({"truths": known}, count) is not None
    return (reader, known) if sound else None


def _known(arrays: dict[str, np.ndarray] | None, count: int) -> np.ndarray | None:
    """Return the parameters of `count` stamps, None where they are of another shape."""
    truths = None if arrays is None else arrays.get("truths")
    return truths if truths is not None and truths.shape == (count, len(TRUTHS)) else None


def _draw(
    pictures: Path, truths: Path, count: int, seed: int, size: int, progress: Listener
) -> None:
    """Draw all stamps into a temporary folder, then move them into place."""
    pictures.parent.mkdir(parents=True, exist_ok=True)
    needed = count * (size * size * 3 + 16 * len(TRUTHS))
    free = shutil.disk_usage(pictures.parent).free
    if needed > free:
        raise OSError(
            f"Expected {needed / 1e9:.1f} GB of free disk for {count:,} stamps of {size} px in "
            f"{pictures.parent}, found {free / 1e9:.1f} GB. Ask for fewer or smaller stamps, or "
            "set ASTROJEPA_CACHE to a folder on a larger disk."
        )
    with temporary_folder(pictures.parent, "simulating") as folder, naming(pictures):
        new_pictures, new_truths = folder / "pictures.npy", folder / "truths.npy"
        report, close = _reporter(count, progress)
        try:
            draw_stamps(
                new_pictures, new_truths, count, seed, size, suitable_processes(count), report
            )
        finally:
            close()
        with new_pictures.open("rb+") as stream:
            os.fsync(stream.fileno())
        new_pictures.replace(pictures)
        with atomic_write(truths) as stream:
            np.savez(stream, truths=np.load(new_truths))


def _reporter(count: int, progress: Listener) -> tuple[Callable[[int], None], Callable[[], None]]:
    """Return what to call with the number of stamps done, and what to call at the end."""
    text = "simulating galaxies"
    if callable(progress):
        return lambda done: progress(done, count, text), lambda: None
    bar = steady_bar(total=count, desc=text, unit="galaxy", disable=not progress)
    return lambda done: bar.update(done - bar.n) and None, bar.close


def _assemble(
    reader: ImageReader, truths: np.ndarray, census: Census, seed: int, name: str
) -> Dataset:
    """Return the data set of a simulation, its rows in random order."""
    count = len(truths)
    order = np.random.default_rng((seed, count, 3)).permutation(count)
    ids = np.array([f"sim-{seed}-{number:06d}" for number in range(count)])
    table = pd.DataFrame(
        {
            "kind": np.array(KINDS)[census.kinds],
            "artefact": np.array(ARTEFACTS)[census.artefacts],
            "survey": np.array([survey.name for survey in SURVEYS])[truths[:, 0].astype(np.int64)],
            "duplicate_of": np.where(census.duplicated, ids[census.originals], ""),
            **{
                column: truths[:, number]
                for number, column in enumerate(TRUTHS)
                if column != "survey"
            },
        }
    )
    unknown = np.full(count, np.nan)
    return Dataset(
        name="simulated galaxies",
        reader=reader,
        rows=order.astype(np.int64),
        ids=ids[order],
        labels=census.labels[order],
        classes=CLASSES,
        ra=unknown,
        dec=unknown,
        redshift=unknown,
        source_hash=name,
        simulated=True,
        table=table.iloc[order].reset_index(drop=True),
        about={
            "kind": (
                "",
                "the class that was drawn; rings and lenses are labelled as the closest class",
            ),
            "artefact": ("", "artefact that was simulated, in words: none, or its kind"),
        },
    )
