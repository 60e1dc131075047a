"""Data made to exhaust: a few kilobytes that ask for gigabytes or hours, in every format a
visitor or a stranger can hand over.
"""

from __future__ import annotations

import io
import os
import resource
import signal
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from PIL import Image

from app.session import uploads
from astrojepa.data import DataError, PictureError, open_dataset
from astrojepa.data.images.fits import BLOCK, CARD, read_fits
from astrojepa.data.images.raster import read_image
from tests.hostile import examples
from tests.hostile.trial import MEMORY_CAP, SECONDS, TooLongError

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def bounded() -> Iterator[None]:
    """No test here may take 5 s of processor time, or more than 1 GB above what stood in memory
    before.
    """
    before, handler = (
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        signal.signal(signal.SIGPROF, _give_up),
    )
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, handler)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MEMORY_CAP // 1024


def _give_up(*_: object) -> None:
    raise TooLongError


def card(name: str, value: object) -> bytes:
    return f"{name:8}= {value!s:>20}".ljust(CARD).encode()


def header(*cards: bytes) -> bytes:
    text = b"".join(cards) + b"END".ljust(CARD)
    return text + b" " * (-len(text) % BLOCK)


START = (card("SIMPLE", "T"), card("BITPIX", 8))
EMPTY = header(*START, card("NAXIS", 0), card("EXTEND", "T"))
COUNTS = (card("PCOUNT", 0), card("GCOUNT", 1))


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (header(*START, card("NAXIS", 2**31 - 1)), "NAXIS = 2147483647; at most 999 axes"),
        (header(*START, card("NAXIS", "0000002147483647 / axes")), "axes"),
        (header(*START, b"HIERARCH NAXIS = 2147483647".ljust(CARD)), "NAXIS = 2147483647; at most"),
        (
            EMPTY
            + header(
                card("XTENSION", "'IMAGE   '"), card("BITPIX", 8), card("NAXIS", 2**31 - 1), *COUNTS
            ),
            "NAXIS = 2147483647; at most 999 axes",
        ),
        (
            header(*START, card("NAXIS", 2), card("NAXIS1", 10**9), card("NAXIS2", 10**9)),
            "cut short: its part 0 ends at byte 1,000,000,000,000,002,880 of 2,880",
        ),
        (header(*START, card("NAXIS", 2), card("NAXIS1", 4000), card("NAXIS2", 4000)), "cut short"),
        (EMPTY[:320] + b"COMMENT".ljust(CARD) * 120_000, "a header of more than"),
        (
            EMPTY
            + header(
                card("XTENSION", "'BINTABLE'"),
                card("BITPIX", 8),
                card("NAXIS", 0),
                *COUNTS,
                card("TFIELDS", 2**31),
            ),
            "TFIELDS = 2147483648; at most 999",
        ),
        (
            EMPTY
            + header(card("XTENSION", "'BINTABLE'"), card("BITPIX", 8), card("NAXIS", 0), *COUNTS)
            * 3000,
            "no image",
        ),
        (
            header(
                *START,
                card("NAXIS", 2),
                card("NAXIS1", 0),
                card("NAXIS2", 9),
                card("GROUPS", "T"),
                card("PCOUNT", 2**31),
            ),
            "cut short",
        ),
    ],
)
def test_a_fits_header_that_asks_for_the_impossible_is_refused(raw: bytes, sentence: str) -> None:
    with pytest.raises(PictureError, match=sentence):
        read_fits(raw, "galaxy.fits")


def test_planes_whose_bands_cannot_be_read_are_not_shown_in_an_order_of_ours() -> None:
    sizes = (card("NAXIS", 3), card("NAXIS1", 4), card("NAXIS2", 4), card("NAXIS3", 3))
    raw = header(*START, *sizes, b"BANDS   = 'x".ljust(CARD)) + bytes(range(48)) + bytes(BLOCK - 48)
    with pytest.raises(PictureError, match="damaged or cut short"):
        read_fits(raw, "galaxy.fits")


@pytest.mark.parametrize("value", [1e308, -1e308, float(np.finfo(float).max), float("inf")])
def test_fluxes_at_the_edge_of_numbers_are_undefined_pixels(value: float) -> None:
    flux = np.random.default_rng(0).normal(size=(20, 20))
    flux[::2] = value
    flux[1] = -value
    stream = io.BytesIO()
    fits.PrimaryHDU(flux).writeto(stream)
    seen = read_fits(stream.getvalue())[0][::-1]
    assert seen[3::2].std() > 0
    assert np.unique(np.vstack([seen[::2], seen[1:2]])).size == 1, "undefined pixels are not sky"


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def small_png(*chunks: bytes) -> bytes:
    """A PNG of 8 x 8 pixels with further chunks before its picture."""
    raw = examples.encoded(Image.new("RGB", (8, 8)), "PNG")
    return raw[:33] + b"".join(chunks) + raw[33:]


def black_png(side: int) -> bytes:
    """A whole PNG of one bit per pixel. It is packed row by row: as one image in memory it would
    lift the mark that `bounded` measures from.
    """
    pack, row = zlib.compressobj(1), bytes(1 + side // 8)
    body = b"".join(pack.compress(row) for _ in range(side)) + pack.flush()
    head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        chunk(kind, part) for kind, part in ((b"IHDR", head), (b"IDAT", body), (b"IEND", b""))
    )


BOMB = zlib.compress(bytes(100_000_000))


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (small_png(chunk(b"zTXt", b"a\0\0" + BOMB)), "too large"),
        (small_png(chunk(b"iCCP", b"a\0\0" + BOMB)), "too large"),
        (small_png(chunk(b"iTXt", b"a\0\1\0\0\0" + BOMB)), "too large"),
        (small_png(chunk(b"abCd", b"") * 800_000), "more than 50,000 chunks"),
        (small_png(b"\0\0\0\0abCd" * 100), "damaged"),
        (black_png(60_000), "3600000000|60000 x 60000 pixels"),
    ],
    ids=[
        "text",
        "profile",
        "international text",
        "very many chunks",
        "chunks without an end",
        "450 MB of black",
    ],
)
def test_a_png_bomb_is_refused(raw: bytes, sentence: str) -> None:
    assert len(raw) < uploads.MAX_BYTES
    with pytest.raises(PictureError, match=sentence):
        read_image(raw, "galaxy.png")
    assert uploads.add({}, [("galaxy.png", raw)])[0] == {}


def test_the_largest_picture_of_the_most_scans_is_read_in_time() -> None:
    raw = examples.encoded(Image.new("RGB", (2048, 2048)), "JPEG", progressive=True)
    scan = raw[raw.rindex(b"\xff\xda") : -2]
    raw = raw[:-2] + scan * (100 - raw.count(b"\xff\xda")) + raw[-2:]
    assert read_image(raw).shape == (2048, 2048, 3)
    with pytest.raises(PictureError, match="101 scans"):
        read_image(raw[:-2] + scan + raw[-2:])


@pytest.fixture
def folder(tmp_path: Path) -> Callable[[bytes], Path]:
    """A folder with one picture, a.png, and any labels.csv."""

    def make(table: bytes) -> Path:
        (tmp_path / "a.png").write_bytes(examples.pictures()[0])
        (tmp_path / "labels.csv").write_bytes(table)
        return tmp_path

    return make


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        (
            b"file," + b",".join(b"c%d" % k for k in range(60_000)) + b"\n" + b"a.png\n" * 200_000,
            "60,001 values",
        ),
        (
            b"file," + b",".join(b"c%d" % k for k in range(500)) + b"\n" + b"a.png\n" * 200_000,
            "33,554,432 values are read",
        ),
        (
            b"file,id\n" + b"a.png,b\n" * 100_000 + b"a.png," + b"x" * 100_000 + b"\n",
            "one of 100,000 letters",
        ),
        (b"file,label\na.png," + b"x" * 200_000 + b"\n", "field larger than field limit"),
        (b"file,id\n" + b"a.png," + b"," * 100_000 + b"\n", "too large in row 2"),
        (b'file,id\na.png,"' + b"\n" * 100_000, "not a table of separated values|field larger"),
        (b"file\n" + b"\xff\xfe" * 10, "UTF-8"),
    ],
    ids=[
        "short rows of many columns",
        "many rows of some columns",
        "one long id",
        "one long label",
        "long row",
        "open quote",
        "no text",
    ],
)
def test_a_table_that_would_fill_the_memory_is_refused(
    table: bytes, sentence: str, folder: Callable[[bytes], Path]
) -> None:
    with pytest.raises(DataError, match=sentence) as caught:
        open_dataset(folder(table))
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    "name",
    [
        "../secret.png",
        "sub/../../secret.png",
        "/etc/passwd.png",
        "out.png",
        "sub/out.png",
        "linked/secret.png",
        "loop.png",
    ],
)
def test_no_name_in_a_table_and_no_link_leads_out_of_its_folder(name: str, tmp_path: Path) -> None:
    root = tmp_path / "galaxies"
    (root / "sub").mkdir(parents=True)
    for outside in (tmp_path / "secret.png", tmp_path / "elsewhere" / "secret.png"):
        outside.parent.mkdir(exist_ok=True)
        outside.write_bytes(examples.pictures()[0])
    (root / "out.png").symlink_to("../secret.png")
    (root / "sub" / "out.png").symlink_to(tmp_path / "secret.png")
    (root / "linked").symlink_to(tmp_path / "elsewhere")
    (root / "loop.png").symlink_to("loop.png")
    (root / "labels.csv").write_text(f"file\n{name}\n")
    # A link to itself leads nowhere; up to Python 3.12 it cannot be resolved, later it is a file
    # that is missing.
    with pytest.raises(DataError, match="outside|are missing" if name == "loop.png" else "outside"):
        open_dataset(root)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="needs a pipe with a name")
def test_a_pipe_called_a_picture_does_not_stop_the_program(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.png")
    code = f"from astrojepa.data import open_dataset; open_dataset({str(tmp_path)!r})"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert "not JPEG, PNG or FITS" in done.stderr
