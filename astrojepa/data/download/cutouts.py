"""Cutouts of a catalogue's galaxies from an image service: slowly, resumed, every file checked."""

from __future__ import annotations

import hashlib
import http.client
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pandas as pd

from astrojepa.data import DataError, PictureError
from astrojepa.data.catalogue import id_text, lost_digits, positions
from astrojepa.data.download.https import DroppedError, Server, UnreachableError
from astrojepa.data.images.raster import read_image
from astrojepa.data.readers.labels import find_column
from astrojepa.files import atomic_write, read_json, write_csv, write_json
from astrojepa.progress import Listener, reporting

MAX_BYTES = 64 * 1024 * 1024  # of one cutout
MAX_CUTOUTS = 1_000_000
ATTEMPTS = 4
LONGEST_WAIT = 60.0  # seconds
UNREACHABLE = 3  # galaxies in a row without an answer end the command
SETTINGS, MISSED = "cutouts.json", "missed.csv"
FORMATS = {"jpeg": "jpg", "fits": "fits"}
BANDS = "ugrizynf1234"  # n and f of GALEX, 1 to 4 of WISE


@dataclass(frozen=True)
class Cutout:
    """What is cut out: `size` pixels a side of `scale` arcseconds each."""

    size: int = 256
    scale: float = 0.262
    format: str = "jpeg"  # or "fits"
    layer: str = ""  # the service's name of a survey; "" is its default
    bands: str = ""  # such as griz, each a letter of BANDS; "" is the service's default

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise ValueError(f"`format` is {self.format!r}; choose one of {', '.join(FORMATS)}.")
        if not 16 <= self.size <= 2048:
            raise ValueError(f"`size` is {self.size} pixels; it must lie in [16, 2048].")
        if not 0.01 <= self.scale <= 60:
            raise ValueError(f"`scale` is {self.scale:g} arcsec; it must lie in [0.01, 60].")
        if set(self.bands) - set(BANDS) or len(set(self.bands)) < len(self.bands):
            raise ValueError(
                f"`bands` is {self.bands!r}; give each filter once, of {', '.join(BANDS)}, such as "
                "griz."
            )
        if not re.fullmatch(r"[A-Za-z0-9 ._/+-]{0,100}", self.layer):
            raise ValueError(f"`layer` is {self.layer!r}; give a survey such as ls-dr9.")


@dataclass(frozen=True)
class Service:
    """An image service: its address, and the query of a position in degrees."""

    url: str
    query: Callable[[float, float, Cutout], dict[str, Any]]
    credit: str


def _legacysurvey(ra: float, dec: float, cutout: Cutout) -> dict[str, Any]:
    layer = {"layer": cutout.layer or "ls-dr9", "bands": cutout.bands or "grz"}
    return {"ra": ra, "dec": dec, "size": cutout.size, "pixscale": cutout.scale, **layer}


def _hips(ra: float, dec: float, cutout: Cutout) -> dict[str, Any]:
    if cutout.bands:
        raise ValueError("A HiPS holds one band or a colour image; choose it by `layer`.")
    size = {"fov": cutout.size * cutout.scale / 3600, "width": cutout.size, "height": cutout.size}
    what = {"hips": cutout.layer or "CDS/P/DSS2/color", "format": FORMATS[cutout.format]}
    return {**what, "ra": ra, "dec": dec, **size, "projection": "TAN", "coordsys": "icrs"}


SERVICES = {
    "legacysurvey": Service(
        "https://www.legacysurvey.org/viewer/{format}-cutout",
        _legacysurvey,
        "DESI Legacy Imaging Surveys (Dey et al. 2019, AJ 157, 168)",
    ),
    "hips": Service(
        "https://alasky.cds.unistra.fr/hips-image-services/hips2fits",
        _hips,
        "hips2fits, a service of CDS, Strasbourg",
    ),
}


@dataclass
class Fetched:
    """What a call of `fetch_cutouts` found and did."""

    present: int = 0  # were there before
    fetched: int = 0
    missed: dict[str, str] = field(default_factory=dict)  # {id: why}

    def __str__(self) -> str:
        text = f"{self.fetched:,} cutouts fetched, {self.present:,} were there already"
        return text + (f"; {len(self.missed):,} missed, see {MISSED}" if self.missed else "")


def fetch_cutouts(
    catalogue: pd.DataFrame,
    folder: Path,
    service: str = "legacysurvey",
    cutout: Cutout | None = None,
    *,
    url: str = "",
    rate: float = 2.0,
    timeout: float = 60.0,
    first_wait: float = 2.0,
    progress: Listener = False,
    say: Callable[[str], None] = lambda text: None,
    http_on_loopback: bool = False,
) -> Fetched:
    """Fetch a cutout of every row with a position into `folder`, a folder of images with
    labels.csv that `open_dataset` reads.

    `catalogue` is what `read_catalogue` returns, with columns `id` (optional), `ra` and `dec`
    (degrees); its columns go into labels.csv. At most `rate` requests a second are sent, one after
    the other; an overloaded server is asked again `first_wait` seconds later, then twice as long
    each time, four times in all. A cutout counts only if it can be read, has the size asked for and
    is not of one colour, as outside a survey. Files of an earlier call are not fetched again.
    `url` replaces the service's address. `cutouts.json` records the settings, `missed.csv` what
    did not come and why.

    Raises ValueError for settings out of range, DataError for a catalogue without positions, one id
    for two positions, or a folder of other settings; OSError where the server cannot be reached.
    """
    cutout = cutout or Cutout()
    if service not in SERVICES:
        raise ValueError(f"There is no service {service!r}; choose one of {', '.join(SERVICES)}.")
    if not 0 < rate <= 10:
        raise ValueError(f"`rate` is {rate:g} a second; it must lie in (0, 10].")
    chosen = SERVICES[service]
    chosen.query(0.0, 0.0, cutout)  # or a sentence, before anything is written
    table = _with_files(catalogue, cutout)
    folder.mkdir(parents=True, exist_ok=True)
    address = url or chosen.url.format(format=cutout.format)
    _settle(folder, {"service": service, "url": address, **vars(cutout), "credit": chosen.credit})
    found, last, silent = Fetched(), 0.0, 0
    try:
        with reporting(progress, len(table), "fetching cutouts") as report:
            for done, (file, name, ra, dec) in enumerate(
                zip(table["file"], table["id"], table["ra"], table["dec"], strict=True)
            ):
                report(done)
                path = folder / file
                if path.is_file():
                    found.present += 1
                    continue
                time.sleep(max(0.0, last + 1 / rate - time.monotonic()))
                last = time.monotonic()
                asked = f"{address}?{urlencode(chosen.query(ra, dec, cutout))}"
                server = Server(asked, timeout, http_on_loopback)
                try:
                    content = _content(server, first_wait, say)
                    check_cutout(_image(content, cutout), cutout)
                except (OSError, PictureError) as error:
                    found.missed[name] = str(error).replace(asked, "the server")
                    silent = silent + 1 if isinstance(error, UnreachableError) else 0
                    if silent == UNREACHABLE:
                        came = found.fetched + found.present
                        kept = f"What came is kept in {folder}." if came else "Nothing came."
                        raise OSError(
                            f"{error}, {silent} times in a row; check the network. {kept} The same "
                            "command goes on."
                        ) from error
                    continue
                silent = 0
                path.parent.mkdir(exist_ok=True)
                with atomic_write(path) as stream:
                    stream.write(content)
                found.fetched += 1
    finally:
        _write_tables(folder, table, found)
    return found


def _with_files(catalogue: pd.DataFrame, cutout: Cutout) -> pd.DataFrame:
    """Return the rows with a position: file, id, ra, dec, and every other column.

    A file is called by id and position, so that a longer catalogue finds those of a shorter one.
    """
    columns = {name: find_column(catalogue, name) for name in ("id", "ra", "dec")}
    if columns["ra"] is None or columns["dec"] is None:
        found = ", ".join(map(str, catalogue.columns[:20]))
        raise DataError(f"The catalogue has no columns ra and dec (found: {found}); name them so.")
    ra, dec = positions(catalogue)
    known = np.isfinite(ra)
    if not 0 < known.sum() <= MAX_CUTOUTS:
        raise DataError(
            f"The catalogue has {known.sum():,} rows with a position; expected 1 to "
            f"{MAX_CUTOUTS:,}, in degrees."
        )
    ra, dec = ra[known], dec[known]
    if columns["id"] is None:
        ids = pd.Series([f"{a:.6f}{d:+.6f}" for a, d in zip(ra, dec, strict=True)])
    else:
        if lost := lost_digits(catalogue[columns["id"]]):
            raise DataError(lost)
        ids = id_text(catalogue.loc[known, columns["id"]]).reset_index(drop=True)
    if (twice := ids[ids.duplicated()]).size:
        raise DataError(f"The catalogue has several rows of {twice.iloc[0]}; keep one of each.")
    ending = FORMATS[cutout.format]
    files = [_file(name, a, d, ending) for name, a, d in zip(ids, ra, dec, strict=True)]
    rest = catalogue.loc[known].drop(columns=[name for name in columns.values() if name])
    first = {"file": files, "id": ids, "ra": ra, "dec": dec}
    rest = rest.drop(columns=[name for name in rest.columns if str(name).lower() in first])
    return pd.concat([pd.DataFrame(first), rest.reset_index(drop=True)], axis=1)


def _file(name: str, ra: float, dec: float, ending: str) -> str:
    """Return the path of a cutout: at most a few hundred files a folder for 100,000 galaxies."""
    digest = hashlib.sha256(f"{name}\0{ra:.7f}\0{dec:.7f}".encode()).hexdigest()
    plain = re.sub(r"[^A-Za-z0-9+.-]+", "_", name).strip("._")[:60]
    return f"images/{digest[:2]}/{plain}-{digest[2:10]}.{ending}"


def _settle(folder: Path, settings: Mapping[str, Any]) -> None:
    """Record what the folder's cutouts are, or refuse others beside them."""
    path = folder / SETTINGS
    if not path.is_file():
        if any(folder.iterdir()):
            raise DataError(f"{folder} holds other files; give a new folder.")
        (folder / "images").mkdir()
        write_json(path, dict(settings))
        return
    before = read_json(path)
    if differing := [name for name in settings if before.get(name) != settings[name]]:
        name = differing[0]
        raise DataError(
            f"{folder} holds cutouts with {name} {before.get(name)!r}, not {settings[name]!r}; "
            "give another folder."
        )


def _content(server: Server, first_wait: float, say: Callable[[str], None]) -> bytes:
    """Return one cutout, after up to four attempts."""
    for attempt in range(ATTEMPTS - 1):
        try:
            return _answer(server)
        except DroppedError as error:
            wait = min(first_wait * 2**attempt, LONGEST_WAIT)
            say(f"{error}; next attempt in {wait:g} s.")
            time.sleep(wait)
    return _answer(server)


def _answer(server: Server) -> bytes:
    try:
        with server.open() as answer:
            content = answer.read(MAX_BYTES + 1)
            length = answer.headers.get("Content-Length", "")
    except http.client.HTTPException as error:
        raise DroppedError(f"The connection dropped ({error})") from error
    if len(content) > MAX_BYTES:
        raise PictureError(f"The answer has more than {MAX_BYTES:,} bytes.")
    if length.isdecimal() and len(content) < int(length):
        raise DroppedError("The connection ended early")
    return content


def _image(content: bytes, cutout: Cutout) -> np.ndarray:
    """Read an answer in the format that was asked for."""
    if cutout.format == "fits":
        from astrojepa.data.images.fits import read_fits  # astropy takes a while to load

        return read_fits(content, "The answer")[0]
    return read_image(content, "The answer")


def check_cutout(image: np.ndarray, cutout: Cutout) -> None:
    """Refuse, by PictureError, an image that has another size than asked for or shows nothing."""
    if image.shape[:2] != (cutout.size, cutout.size):
        raise PictureError(
            f"The answer has {image.shape[1]} × {image.shape[0]} pixels, not {cutout.size} a side."
        )
    if not np.ptp(image):
        raise PictureError("The cutout is of one colour: the position is outside the survey.")


def _write_tables(folder: Path, table: pd.DataFrame, found: Fetched) -> None:
    """Write the rows whose cutout is there, and those whose is not, with the reason."""
    there = table[[(folder / file).is_file() for file in table["file"]]]
    rows = there.astype(object).where(there.notna(), "")
    write_csv(folder / "labels.csv", [str(name) for name in rows.columns], rows.values.tolist())
    if found.missed:
        write_csv(folder / MISSED, ["id", "reason"], [list(item) for item in found.missed.items()])
    else:
        (folder / MISSED).unlink(missing_ok=True)
