"""Whole files of every format that the readers take, as small as they come: what the mutators
start from.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import math
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow as pa
import torch
from astropy import units
from astropy.io import fits
from astropy.table import MaskedColumn, Table
from PIL import Image
from pyarrow import parquet

from app.session import keepsake
from astrojepa.checkpoints import model as checkpoint
from astrojepa.checkpoints.bundle import seal_bundle
from astrojepa.config import TrainConfig, replace
from astrojepa.evaluation.probes.portable import PortableProbe
from astrojepa.presets import PRESETS, preset
from tests.checkpoints.test_pth_import import DEPTH, HEADS, PATCH, SIZE, WIDTH, PublishedModel
from tests.tiny_run import TINY

SIZES = {
    key: value
    for key, value in TINY.items()
    if key not in ("num_directions", "batch_size", "epochs")
}
NAME = "tiny.test"


def picture(seed: int = 0, height: int = 12, width: int = 14) -> np.ndarray:
    """A small noisy picture, uint8 (H, W, 3)."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    """A picture as a file's bytes."""
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def pictures() -> list[bytes]:
    """JPEG and PNG of the kinds that the decoder treats differently."""
    rgb = Image.fromarray(picture())
    png = [rgb, rgb.convert("L"), rgb.convert("RGBA"), rgb.convert("P"), rgb.convert("1")]
    deep = Image.fromarray(np.arange(120, dtype=np.uint16).reshape(10, 12) * 500)
    palette, turned = rgb.convert("P"), Image.Exif()
    turned[0x0112] = 6
    return [
        *(encoded(image, "PNG") for image in [*png, deep]),
        encoded(palette, "PNG", transparency=3),
        *(
            encoded(rgb, "JPEG", **options)
            for options in (
                {},
                {"progressive": True},
                {"subsampling": 2, "restart_marker_blocks": 1},
            )
        ),
        *(encoded(rgb.convert(mode), "JPEG") for mode in ("L", "CMYK")),
        *(encoded(rgb, kind, exif=turned) for kind in ("JPEG", "PNG", "WEBP")),
    ]


def fits_files() -> list[bytes]:
    """A plane, a cube, scaled integers, an image in an extension, bands as extensions beside a
    mask, tiles packed in three ways, a table of distortions, bands of several sizes, masks without
    a name, and a file packed as a whole.
    """
    header = fits.Header(
        {
            "CTYPE1": "RA---TAN",
            "CTYPE2": "DEC--TAN",
            "CRVAL1": 187.7,
            "CRVAL2": 12.4,
            "CRPIX1": 6,
            "CRPIX2": 5,
        }
    )
    header.update({"CDELT1": -1e-4, "CDELT2": 1e-4, "BANDS": "grz"})
    bent = header.copy()
    bent.update({"CTYPE1": "RA---TPV", "CTYPE2": "DEC--TPV", "PV1_1": 1.1, "PV2_4": 0.1})
    sip = header.copy()
    sip.update({"A_ORDER": 2, "B_ORDER": 2, "A_2_0": 1e-4, "B_1_1": 1e-4, "RADESYS": "FK4"})
    looked_up = header.copy()
    looked_up.update({"CPDIS1": "LOOKUP", "INHERIT": True})
    for key in ("EXTVER", "AXIS.1"):
        looked_up[f"HIERARCH DP1.{key}"] = 1.0
    noise = np.random.default_rng(0).normal(10, 1, (3, 10, 12))
    scaled = fits.PrimaryHDU(np.uint16(noise[0] * 1000))
    lists = [
        fits.HDUList([fits.PrimaryHDU(np.float32(noise[0]), header)]),
        fits.HDUList([fits.PrimaryHDU(np.float32(noise))]),
    ]
    lists += [
        fits.HDUList([scaled]),
        fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(np.int16(noise[1] * 100), bent)]),
    ]
    bands = [fits.ImageHDU(np.float32(noise[k]), sip, name="grz"[k]) for k in range(3)]
    mask = fits.ImageHDU(np.uint8(noise[0]), name="MASK")
    table = fits.ImageHDU(np.ones((4, 4), np.float32), name="WCSDVARR", ver=1)
    lists += [
        fits.HDUList([fits.PrimaryHDU(), mask, *bands]),
        fits.HDUList([fits.PrimaryHDU(np.float32(noise[0]), looked_up), table]),
    ]
    for packed, values in (
        ("RICE_1", np.float32(noise[0])),
        ("RICE_1", np.int16(noise[0] * 99)),
        ("GZIP_1", np.int16(noise * 99)),
        ("GZIP_2", np.float32(noise[0])),
    ):
        tiles = fits.CompImageHDU(values, header, compression_type=packed)
        lists.append(fits.HDUList([fits.PrimaryHDU(), tiles]))
    coarse = sip.copy()
    coarse.update({"CDELT1": -3e-4, "CDELT2": 3e-4, "CRPIX1": 2.5, "CRPIX2": 2, "BUNIT": "uJy"})
    small = [fits.ImageHDU(np.float32(noise[k, :4, :5]), coarse, name="grz"[k]) for k in (1, 2)]
    lists.append(fits.HDUList([fits.PrimaryHDU(), bands[0].copy(), *small]))
    flags = np.int16(noise[0] > 10) * 4
    tiles = fits.CompImageHDU(flags, compression_type="RICE_1")
    parts = fits.PrimaryHDU(flags), tiles, fits.ImageHDU(np.float32(noise[0]))
    lists.append(fits.HDUList(list(parts)))
    files = []
    for hdus in lists:
        stream = io.BytesIO()
        hdus.writeto(stream)
        files.append(stream.getvalue())
    return [*files, gzip.compress(files[0])]


def flux_fits() -> list[bytes]:
    """The FITS files that hold g, r and z: as named or nameless planes, and as extensions, of one
    size and of several.
    """
    whole = fits_files()
    return [whole[1], whole[4], whole[8], whole[10]]


def flux_hdf5() -> list[bytes]:
    """Files of flux in three bands: named and packed, with what netCDF says of its numbers, and
    with what netCDF fills whole numbers with.
    """
    flux = np.random.default_rng(0).normal(0, 1, (2, 3, 8, 8)).astype(np.float32)
    files = []
    for options in ({"compression": "gzip", "chunks": (1, 3, 8, 8)}, {}):
        stream = io.BytesIO()
        with h5py.File(stream, "w") as file:
            images = file.create_dataset("images", data=flux, **options)
            if options:
                images.attrs["bands"] = np.array(["g", "r", "z"], "S8")
            else:
                images.attrs.update({"scale_factor": 0.5, "_FillValue": [-1.0], "units": b"nJy"})
                images.attrs.update({"valid_range": [-9.0, 9.0], "_Unsigned": np.bytes_("true")})
        files.append(stream.getvalue())
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        counts = np.int16(np.where(flux > 1, -32767, 100 * flux))
        file.create_dataset("images", data=counts).attrs["valid_min"] = np.int16(-500)
        file.attrs["_NCProperties"] = np.bytes_("version=2,netcdf=4.9.2,hdf5=1.14.4")
    return [*files, stream.getvalue()]


def flux_rows(kind: str = "Parquet") -> list[bytes]:
    """Parquet or Arrow files of flux in three bands: structs of lists, lists of structs with an inverse
    variance, and planes of several sizes with their scale.
    """
    flux = np.random.default_rng(0).normal(0, 1, (2, 3, 8, 8)).astype(np.float32)
    names, found = ["g", "r", "z"], []
    structs = [{"band": names, "flux": cube.tolist()} for cube in flux]
    lists = [
        [
            {"band": name, "flux": plane, "ivar": plane}
            for name, plane in zip(names, cube.tolist(), strict=True)
        ]
        for cube in flux
    ]
    small = flux[:, :, :3, :4].tolist()
    scaled = [
        [
            {"band": "g", "flux": cube[0].tolist(), "scale": 0.1},
            {"band": "r", "flux": part[1], "scale": 0.3},
            {"band": "z", "flux": part[2], "scale": 0.3},
        ]
        for cube, part in zip(flux, small, strict=True)
    ]
    # the older layout of the Multimodal Universe
    older = [{"band": names, "array": cube.tolist(), "bit_mask": cube.tolist()} for cube in flux]
    for image in (structs, lists, scaled, older):
        stream, table = io.BytesIO(), pa.table({"id": ["a", "b"], "image": image})
        if kind == "Parquet":
            parquet.write_table(table, stream)
        else:
            with pa.ipc.new_stream(stream, table.schema) as writer:
                writer.write_table(table)
        found.append(stream.getvalue())
    return found


def masked_fits() -> list[bytes]:
    """FITS files of g, r and z in counts, with zero points, masks and weights beside them."""
    files = []
    for unit in ("ADU", "e-/s"):
        hdus = fits.HDUList([fits.PrimaryHDU()])
        for place, band in enumerate("grz"):
            header = fits.Header({"BUNIT": unit, "MAGZP": 25.0 + place, "PHOTFLAM": 1e-19})
            hdus.append(fits.ImageHDU(np.float32(picture(place)[..., 0]), header, name=band))
            hdus.append(fits.ImageHDU(picture(place)[..., 1], name=f"DQ_{band}"))
        stream = io.BytesIO()
        hdus.writeto(stream)
        files.append(stream.getvalue())
    return files


def bundle(folder: Path) -> list[bytes]:
    """The list of a bundle, whose files are written into the folder too."""
    names = ("data/g/labels.csv", "checkpoints/m.safetensors", "checkpoints/m.json")
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())
    galaxies = {"source": "data/g", "source_hash": "ab" * 32}
    seal_bundle(folder, {"created_by": "me", "data": galaxies, "checkpoints": ["m"]})
    return [(folder / "bundle.json").read_bytes()]


def sweeps() -> list[bytes]:
    """Records of sweeps."""
    sweep = {"config": tiny_config().to_dict(), "settings": {"sigreg_weight": [0, 0.6]}, "seeds": 2}
    return [json.dumps(sweep).encode()]


def keepsakes() -> list[bytes]:
    """What a browser keeps of a visit."""
    kept = {"format": keepsake.FORMAT, "marks": [[1, 3], [2, 0]], "collections": {"odd": [1, 2]}}
    return [json.dumps({**kept, "drawn_on": {"odd": ["0123"]}}).encode()]


def kept_frames() -> list[bytes]:
    """Images unpacked into the cache."""
    stream = io.BytesIO()
    np.save(stream, np.stack([picture(0), picture(1)]))
    return [stream.getvalue()]


def collection(folder: Path) -> list[bytes]:
    """What a HATS collection says of itself, with its catalogue in the folder."""
    hats_lists(folder / "primary")
    return [b"#HATS collection\nobs_collection=a\nhats_primary_table_url=primary\n"]


def classifiers() -> list[bytes]:
    """A probe that names the model whose vectors it reads."""
    model, rng = tiny_model(), np.random.default_rng(0)
    layer = rng.normal(size=(model.width, 2)), np.zeros(2)
    scaling = np.zeros(model.width, np.float32), np.ones(model.width, np.float32)
    probe = PortableProbe("linear", ("x", "y"), np.arange(2), *scaling, (layer,), "L2")
    named = {"id": f"random:{NAME}", "hash": model.hash}
    return [json.dumps({**probe.to_dict(), "model": named}).encode()]


def hats_lists(folder: Path) -> list[bytes]:
    """The list of partitions of a HATS catalogue, which is written into the folder too."""
    table = pa.table({"id": ["a", "b"], "ra": [1.0, 2.0], "dec": [0.0, 1.0]})
    (folder / "dataset" / "Norder=0" / "Dir=0").mkdir(parents=True)
    parquet.write_table(table, folder / "dataset" / "Norder=0" / "Dir=0" / "Npix=4.parquet")
    (folder / "hats.properties").write_text("#HATS catalog\nhats_nrows=2\n")
    return [b"Norder,Npix\n0,4\n", b"Norder,Npix,num_rows\n0,4,2\n"]


def hdf5_files() -> list[bytes]:
    """Files of Galaxy10's layout: packed, plain, and in the newer format whose metadata have
    checksums.
    """
    rng = np.random.default_rng(0)
    files = []
    for options, version in (
        ({"compression": "gzip"}, "earliest"),
        ({}, "earliest"),
        ({"compression": "lzf"}, "latest"),
    ):
        stream = io.BytesIO()
        with h5py.File(stream, "w", libver=version) as file:
            file.create_dataset(
                "images", data=rng.integers(0, 256, (4, 8, 8, 3), dtype=np.uint8), **options
            )
            file["ans"] = np.array([0, 3, 7, 9], np.uint8)
            file["ra"], file["dec"] = rng.uniform(0, 360, 4), rng.uniform(-10, 80, 4)
            file["redshift"] = np.array([0.1, np.nan, 0.2, 0.3])
            file["ra"].attrs["unit"] = np.bytes_("deg")
        files.append(stream.getvalue())
    return files


def row_files(kind: str) -> list[bytes]:
    """Files with an image in each row: a struct as of `datasets` with classes, and plain bytes."""
    images = [encoded(Image.fromarray(picture(seed)), "PNG") for seed in range(3)]
    label = {"_type": "ClassLabel", "names": ["spiral", "round"]}
    about = json.dumps({"info": {"features": {"label": label}}})
    columns = {"label": [0, 1, 0], "id": ["a", "b", ""], "ra": [1.0, None, 3.0], "dec": [0.0] * 3}
    structs = [{"bytes": image, "path": None} for image in images]
    tables = (
        pa.table({"image": structs, **columns}).replace_schema_metadata({"huggingface": about}),
        pa.table({"cutout": images, "note": ["=1", "ü", ""]}),
    )
    found = []
    for table in tables:
        stream = io.BytesIO()
        if kind == "Parquet":
            parquet.write_table(table, stream, row_group_size=2)
        else:
            with pa.ipc.new_stream(stream, table.schema) as writer:
                writer.write_table(table)
        found.append(stream.getvalue())
    if kind == "Arrow":
        stream, packed = io.BytesIO(), pa.ipc.IpcWriteOptions(compression="zstd")
        with pa.ipc.new_file(stream, tables[0].schema, options=packed) as writer:
            writer.write_table(tables[0])
        found.append(stream.getvalue())
    return found


MRT = """Title: Galaxies
Authors: Nobody
Table: Positions
================================================================================
Byte-by-byte Description of file: table.dat
--------------------------------------------------------------------------------
   Bytes Format Units  Label Explanations
--------------------------------------------------------------------------------
   1-  2 A2     ---    Name  Name
   4-  5 I2     h      RAh   Hour of Right Ascension (J2000)
   7-  8 I2     min    RAm   Minute of Right Ascension (J2000)
  10     A1     ---    DE-   Sign of the Declination (J2000)
  11- 12 I2     deg    DEd   Degree of Declination (J2000)
  14- 17 F4.1   mag    Mag   ? Magnitude
--------------------------------------------------------------------------------
g0 05 02 +23 12.5
g1 00 42 -00
"""
# lines of types, comments and a second table; and a frame
LINES = b"id|ra|dec\nint64|double|float\n1|10.5|-3\n#Table2\nid|ra|dec\n2|10.6|-4\n#END#\n"
FRAMED = b"+----+------+\n| id | ra   |\n+----+------+\n| 1  | 10.5 |\n+----+------+\n(1 row)\n"
SEXTRACTOR = """#   1 NUMBER                 Running object number
#   2 ALPHA_J2000            Right ascension of barycenter (J2000)              [deg]
#   3 DELTA_J2000            Declination of barycenter (J2000)                  [deg]
#   4 MAG_AUTO               Kron-like elliptical aperture magnitude            [mag]
         1  150.1163213   +2.2058312  21.5432
         2  150.1200000   -0.2000000  99.0000
"""
VIZIER = b"""#
#   VizieR Astronomical Server
#Column\tRAh\t(I2)\tHour of Right Ascension (J2000)\t[ucd=pos.eq.ra]
Name\tRAh\tRAm\tDE-\tDEd
\th\tmin\t\tdeg
----\t--\t--\t-\t--
g0\t05\t02\t+\t23
g1\t00\t42\t-\t00
"""


def coded_catalogue() -> bytes:
    """A Parquet file of dictionaries, decimals, dates, truths and unsigned whole numbers."""
    stream = io.BytesIO()
    words = pa.array(["Sa", None, "E"]).dictionary_encode()
    columns = {
        "source_id": pa.array([2**63, None, 2**64 - 1], pa.uint64()),
        "kind": words,
        "ra": pa.array([Decimal("10.250"), None, Decimal("0.125")], pa.decimal128(9, 3)),
        "dec": pa.array([Decimal(-5), Decimal(5), None], pa.decimal128(4, 0)),
        "seen": pa.array([date(2026, 1, 2), None, date(1950, 3, 4)]),
        "barred": pa.array([True, None, False]),
        "tiles": pa.array([1, 1, 2], pa.int16()).dictionary_encode(),
    }
    parquet.write_table(pa.table(columns), stream)
    return stream.getvalue()


def ascii_fits() -> bytes:
    """A FITS file whose table is text."""
    columns = [
        fits.Column("NAME", "A4", array=["M 31", "007"]),
        fits.Column("RA", "F9.5", unit="hourangle", array=[10.5, 2.25]),
        fits.Column("DEC", "D12.4", unit="deg", array=[-0.5, 41.0]),
        fits.Column("N", "I5", array=[3, 0], ascii=True, null="*"),
    ]
    stream = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), fits.TableHDU.from_columns(columns)]).writeto(stream)
    return stream.getvalue()


def catalogues(ending: str) -> list[bytes]:
    """Tables with ids, positions in another unit or in parts, missing values and text."""
    made = Table(
        {
            "id": [10**17 + 1, 10**17 + 2, 10**17 + 3],
            "ra": [0.1, 0.2, 0.3] * units.rad,
            "dec": [0.1, -0.2, 0.3] * units.rad,
            "mass": MaskedColumn([9.5, 10.0, 0.0], mask=[False, False, True]),
            "kind": ["Sa", "", "E, odd"],
        }
    )
    stream, text = io.BytesIO(), io.StringIO()
    if ending == "parquet":
        made.to_pandas().to_parquet(stream)
    elif ending == "fits":
        fits.table_to_hdu(made).writeto(stream)
    elif ending == "vot":
        made.write(stream, format="votable")
    else:
        name = "commented_header" if ending == "txt" else ending
        made.write(text, format=f"ascii.{name}")
        stream.write(text.getvalue().encode())
    others = {
        "parquet": lambda: [coded_catalogue()],
        "fits": lambda: [ascii_fits()],
        "csv": lambda: [VIZIER, LINES.replace(b"|", b",")],
        "txt": lambda: [MRT.encode(), SEXTRACTOR.encode(), FRAMED, LINES],
    }
    return [stream.getvalue(), *others.get(ending, list)()]


def tables() -> list[bytes]:
    """labels.csv of a folder with the pictures a.png, b.jpg and c.fits."""
    return [
        b"file,id,label,ra,dec,redshift,split\na.png,NGC "
        b"1,spiral,10.5,-3.25,0.1,train\nb.jpg,,elliptical,,,,test\nc.fits,M 87,,1,2,,val\n",
        b'\xef\xbb\xbffile,morphology\r\n"a.png","round, smooth"\r\nb.jpg,\r\n',
        b"file\na.png\na.png\n",
        b"file\tRAh\tRAm\tDE-\tDEd\tlabel\na.png\t05\t02\t-\t00\tTrue\nb.jpg\t1\t2\t+\t3\t1\n",
    ]


def configs() -> list[bytes]:
    """config.json of runs."""
    return [
        json.dumps(config.to_dict()).encode()
        for config in (TrainConfig(), preset("small.lejepa"), tiny_config())
    ]


def tiny_config() -> TrainConfig:
    """A network of a few thousand weights."""
    return replace(preset("small.sigreg06"), preset=NAME, **SIZES)


@cache
def tiny_model() -> checkpoint.Model:
    """The same with random weights."""
    PRESETS[NAME] = tiny_config()
    return checkpoint.load_model(f"random:{NAME}")


def released(folder: Path) -> Path:
    """Weights with their card, written into a folder; returns the path of the weights."""
    return checkpoint.save_released(
        tiny_model(), folder, {"id": NAME, "data": {"name": "made up"}}, torch.float16
    )


def fit_card(weights: Path, card: dict[str, Any]) -> None:
    """Write a card whose hash is that of the weights beside it, so that what is wrong with them
    is met and not the hash.
    """
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    weights.with_suffix(".json").write_text(json.dumps({**card, "sha256": digest}))


def run_checkpoints() -> list[bytes]:
    """last.pt of a run."""
    model = tiny_model()
    content = {
        "format": 1,
        "config": model.config.to_dict(),
        "network": model.network.state_dict(),
        "step": 3,
    }
    return [
        _saved(
            content
            | {
                "normalisation": {"mean": [0.1, 0.2, 0.3], "std": [1.0, 1.0, 1.0]},
                "training": {"steps": 3},
            }
        )
    ]


def published_checkpoints() -> list[bytes]:
    """A .pth in the first published layout."""
    names = (
        "img_size",
        "embed_dim",
        "num_heads",
        "enc_depth",
        "pred_depth",
        "patch_size",
        "center_crop_size",
    )
    config = dict(zip(names, (SIZE, WIDTH, HEADS, DEPTH, np.int64(DEPTH), PATCH, 140), strict=True))
    return [
        _saved(
            {
                "epoch": 7,
                "model_state_dict": PublishedModel().state_dict(),
                "val_loss": np.float64(0.06),
                "config": config,
            }
        )
    ]


def _saved(content: dict[str, Any]) -> bytes:
    stream = io.BytesIO()
    torch.save(content, stream)
    return stream.getvalue()


def probes() -> list[bytes]:
    """Portable probes: one linear, one a network, one of neighbours."""
    rng = np.random.default_rng(0)
    shift, factor = rng.normal(size=(2, 5)).astype(np.float32)
    layers = tuple(
        (rng.normal(size=shape).astype(np.float32), np.zeros(shape[1], np.float32))
        for shape in ((5, 4), (4, 3))
    )
    known = {"known_ids": np.array(["a", "b"]), "known_labels": np.array([0, 2]), "k": 2}
    made = [
        PortableProbe(
            "linear",
            ("x", "y", "z"),
            np.arange(3),
            shift,
            factor,
            ((rng.normal(size=(5, 3)), np.zeros(3)),),
            "L2 = 1",
        ),
        PortableProbe(
            "mlp", ("x", "y", "z"), np.arange(3), shift, factor, layers, "one hidden layer"
        ),
        PortableProbe("knn", ("x", "y", "z"), np.arange(3), shift, factor, (), "k = 2", **known),
    ]
    return [json.dumps(probe.to_dict()).encode() for probe in made]


def links() -> list[bytes]:
    """Query parameters of permalinks, as JSON."""
    area = "gAAAgAAAgAAKgAAAgAAKgAAK"
    return [
        json.dumps(parameters).encode()
        for parameters in (
            {
                "model": "small.sigreg06@0123abcd",
                "data": "simulated:200@89abcdef",
                "map": "umap",
                "galaxy": "17",
                "id": "17",
            },
            {
                "colour": "class",
                "with": "random@01234567",
                "masks": "drawn",
                "seed": "3",
                "drawn": "00ff00ff",
                "area": area,
            },
            {
                "drawing": "space",
                "off": "1.2.255",
                "score": "knn",
                "only": "Merging",
                "artefacts": "shown",
                "page": "4",
                "probe": "knn",
                "learn": "labels",
                "share": "50",
            },
        )
    ]


def messages() -> list[bytes]:
    """What the components in the browser send, as JSON."""
    corners = [
        [round(30_000 + 9_000 * math.cos(k), 2), round(30_000 + 9_000 * math.sin(k), 2)]
        for k in range(6)
    ]
    sent: list[Any] = [
        [3, 1, 200],
        [corners, corners[:3]],
        [0, 2],
        "00ff00ff00ff00ff",
        17,
        {"row": 17},
        {"polygons": [corners]},
    ]
    return [json.dumps(message).encode() for message in sent]


def places() -> list[bytes]:
    """Coordinates as people type and paste them."""
    texts = ("184.95 -0.57", "12:30:49 +12:23:28", "12h30m49s +12d23m28s", "187.7,12.39")
    link = (
        "https://www.legacysurvey.org/viewer?ra=10.5&dec=-3.2&layer=ls-dr10&zoom=16&mark=10.5,-3.2"
    )
    return [text.encode() for text in (*texts, link)]


def searches() -> list[bytes]:
    """What people type into the search box."""
    return [*places(), *(text.encode() for text in ("#17", "NGC 4", "merging"))]


def marks() -> list[bytes]:
    """Files of marks, as they are exported and as a spreadsheet writes them."""
    return [
        b"id,mark,number,model,model_hash,data,data_hash\nb,5,1,m,0123,d,4567\na,0,0,m,0123,d,4567\n'=c,3,2,m,0123,d,4567\n",
        b"\xef\xbb\xbfid;mark\r\na;4.0\r\nb;\r\n",
    ]


def metrics() -> list[bytes]:
    """metrics.jsonl of a run."""
    rows = [{"step": k, "total": 1.0 / (k + 1), "sigreg": 0.2, "lr": 1e-3} for k in range(5)]
    return ["".join(json.dumps(row) + "\n" for row in rows).encode()]


def foreign_arrays() -> list[bytes]:
    """Somebody's vectors as .npz, packed and not."""
    files = []
    known = {"label": np.array(["a", "b", "?"]), "ra": np.arange(3.0), "dec": np.arange(3.0)}
    for save, ids in ((np.savez, np.array(["a", "b", "c"])), (np.savez_compressed, np.arange(3))):
        stream = io.BytesIO()
        save(stream, object_id=ids, vector=np.arange(12, dtype=np.float32).reshape(3, 4), **known)
        files.append(stream.getvalue())
    return files


def foreign_tables() -> list[bytes]:
    """Somebody's vectors as Parquet: lists and lists of fixed length, text and numbers as ids."""
    numbers = np.arange(40, dtype=np.float32)
    files = []
    for vectors, ids, packed in (
        (pa.FixedSizeListArray.from_arrays(pa.array(numbers), 4), pa.array(range(10)), "none"),
        (pa.array(numbers.reshape(10, 4).tolist()), pa.array([f"g{n}" for n in range(10)]), "zstd"),
    ):
        stream = io.BytesIO()
        known = {"label": pa.array(["a", None] * 5), "ra": pa.array(np.arange(10.0))}
        table = pa.table({"object_id": ids, "vector": vectors, **known, "dec": known["ra"]})
        parquet.write_table(table, stream, compression=packed)
        files.append(stream.getvalue())
    wide = {f"emb_{place}": pa.array(numbers[place::4]) for place in range(4)}
    stream = io.BytesIO()
    parquet.write_table(pa.table({"object_id": pa.array([*"abcdefghij"]), **wide}), stream)
    return [*files, stream.getvalue()]


def cached_arrays() -> list[bytes]:
    """A cached .npz, packed and not."""
    files = []
    for save in (np.savez, np.savez_compressed):
        stream = io.BytesIO()
        save(
            stream,
            vectors=np.arange(12, dtype=np.float32).reshape(3, 4),
            ids=np.array(["a", "b", "c"]),
        )
        files.append(stream.getvalue())
    return files
