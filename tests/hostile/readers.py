"""Every reader of what a stranger may have written, each with its examples and its way of being
damaged.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from app.components.confusion.confusion import read_cell
from app.components.latent_map import geometry
from app.components.patch_panel import masks
from app.pages.map import search
from app.server import pictures
from app.session import keepsake, marks, state, uploads
from astrojepa.cache import load_arrays
from astrojepa.checkpoints.bundle import open_bundle
from astrojepa.checkpoints.model import load_model
from astrojepa.data import DataError, open_dataset
from astrojepa.data.catalogue import read_catalogue
from astrojepa.data.coordinates import parse_coordinates
from astrojepa.data.frames import open_pictures
from astrojepa.data.images.fits import read_fits, read_flux, read_sky, shown
from astrojepa.data.images.raster import read_image
from astrojepa.data.parquet_images import ParquetImages
from astrojepa.data.simulate.simulator import simulate
from astrojepa.evaluation.probes.classifier import load_classifier
from astrojepa.evaluation.probes.portable import probe_from_dict
from astrojepa.evaluation.vectors.embed_shards import embed_shards
from astrojepa.evaluation.vectors.shards import read_shards
from astrojepa.evaluation.vectors.store import open_store
from astrojepa.evaluation.vectors.stored import open_vectors
from astrojepa.files import read_json
from astrojepa.runs import read_config, read_metrics
from astrojepa.training.sweep.plan import read_sweep
from tests.hostile import examples, mutations
from tests.hostile.trial import Reader

PICTURES = mutations.either(mutations.harm_bytes, mutations.harm_png)
SHARD = "shard-00000-of-00001.parquet"
IDS = np.array(["a", "b", "=c", "NGC 4"])
CLASSES = ("Merging", "Round", "<b>Barred</b>")


def _only(make: Callable[[], list[bytes]]) -> Callable[[Path], list[bytes]]:
    return lambda folder: make()


def _with_card(folder: Path) -> list[bytes]:
    return [examples.released(folder).with_suffix(".json").read_bytes()]


def _with_weights(folder: Path) -> list[bytes]:
    weights = examples.released(folder)
    shutil.copy(weights.with_suffix(".json"), folder / "whole.json")
    return [weights.read_bytes()]


def _with_pictures(folder: Path) -> list[bytes]:
    whole = examples.pictures()
    for name, content in (
        ("a.png", whole[0]),
        ("b.jpg", whole[-3]),
        ("c.fits", examples.fits_files()[0]),
    ):
        (folder / name).write_bytes(content)
    (folder / "out.png").symlink_to("/etc/passwd")
    return examples.tables()


def _with_shards(name: str) -> Callable[[Path], list[bytes]]:
    def furnish(folder: Path) -> list[bytes]:
        embed_shards(examples.tiny_model(), simulate(3, seed=0), folder)
        return [(folder / name).read_bytes()]

    return furnish


def _read_weights(path: Path) -> Any:
    examples.fit_card(path, json.loads(path.with_name("whole.json").read_text()))
    return _look(load_model(path))


def _look(model: Any) -> Any:
    """Embed one grey picture: a network that is accepted also works."""
    side = model.config.image.frame_size
    vector = model.encode(np.full((1, side, side, 3), 90, np.uint8))
    assert vector.shape == (1, model.width)
    return vector


def _read_galaxies(path: Path) -> Any:
    data = open_dataset(path if path.suffix != ".csv" else path.parent)
    images = [data[index].image for index in range(min(len(data), 20))]
    assert all(image.dtype == np.uint8 and image.ndim == 3 for image in images)
    return data.fingerprint


def _read_by_id(path: Path) -> Any:
    """Look up the ids; every image is given, or a sentence in its place."""
    source = ParquetImages(path)
    assert sum(map(len, source.keys())) == len(source)
    found = dict(source.each(range(min(len(source), 20))))
    assert len(found) == min(len(source), 20)
    for image in found.values():
        assert isinstance(image, DataError) or (image.dtype == np.uint8 and image.ndim == 3)
    return source.fingerprint


def _read_fits(path: Path) -> Any:
    assert read_fits(path)[0].shape == read_fits(path.read_bytes(), "An upload")[0].shape
    return read_sky(path)


def _read_flux(path: Path) -> Any:
    flux = read_flux(path, ("g", "r", "z"))
    assert flux.shape[2] == 3
    assert np.isfinite(flux).all()
    return shown(flux, ("g", "r", "z"))


def _open_flux(path: Path) -> Any:
    data = open_dataset(path, bands=("g", "r", "z"))
    assert np.isfinite(data.flux(0)).all()
    return data[0].image


def _open_bands(path: Path) -> Any:
    """A folder of one FITS file with three bands, of whose header all is told."""
    data = open_dataset(path.parent, bands=("g", "r", "z"))
    assert np.isfinite(data.flux(0)).all()
    return data.notes


def _keepsake(path: Path) -> Any:
    kept = keepsake.read(path.read_bytes().decode("utf-8", "replace"), 4)
    assert all(0 <= row < 4 for rows in kept.collections.values() for row in rows)
    return keepsake.write(kept)


def _frames(path: Path) -> Any:
    found = open_pictures(path, (2, 12, 14, 3))
    assert found is None or np.asarray(found).shape == (2, 12, 14, 3)
    return found


def _store(path: Path) -> Any:
    store = open_store(path)
    assert sum(len(vectors) for _, vectors in store.batches()) == len(store)
    return [store.values(name) for name in store.names], store.check_ids()


def _read_probe(path: Path) -> Any:
    probe = probe_from_dict(read_json(path))
    return (
        probe.probabilities(np.zeros((2, len(probe.shift)), np.float32))
        if probe.layers
        else probe.to_dict()
    )


def _follow_link(path: Path) -> Any:
    sent = _json(path)
    texts = (
        {str(name): str(value) for name, value in sent.items()}
        if isinstance(sent, dict)
        else {"area": str(sent), "id": str(sent)}
    )
    link = state.decode_link(texts)
    assert all(len(value) < 2500 for value in state.encode_link(link).values())
    return state.locate(link, IDS, "0123"), state.differences(link, "m", "0123", "d", "4567")


def _hear(path: Path) -> Any:
    sent = _json(path)
    for message in [sent, *(sent.values() if isinstance(sent, dict) else ())]:
        polygons = geometry.read_polygons(message)
        assert len(polygons) <= geometry.MAX_POLYGONS
        geometry.rows_inside(np.zeros((3, 2), np.uint16), polygons)
        assert all(0 <= code < 256 for code in state.read_codes(message))
        assert read_cell(message, 3) in [None, *((a, b) for a in range(3) for b in range(3))]
        masks.read_mask(message, 8)
    return None


def _json(path: Path) -> Any:
    raw = path.read_bytes()
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return raw.decode("utf-8", "replace")


def _search(path: Path) -> Any:
    """The search box answers anything with a sentence; coordinates alone may be refused."""
    text, place = path.read_bytes().decode("utf-8", "replace"), np.array([1.0, 2.0, np.nan, 4.0])
    found = search.search(text, IDS, CLASSES, place, place, parse_coordinates)
    assert found.row is None or 0 <= found.row < len(IDS)
    return found


def _place(path: Path) -> Any:
    return parse_coordinates(path.read_bytes().decode("utf-8", "replace"))


def _uploaded() -> list[bytes]:
    return [*examples.pictures(), *examples.fits_files()]


def _upload(path: Path) -> Any:
    held, problems = uploads.add({}, [(f"../{path.name}\n<b>.png", path.read_bytes())])
    for problem in problems:
        raise ValueError(problem)
    return held


def _cached(path: Path) -> Any:
    found = load_arrays(path)
    assert found is None or all(isinstance(array, np.ndarray) for array in found.values())
    return found


def _marks(path: Path) -> Any:
    return marks.read_marks("m.csv", path.read_bytes(), IDS).sentence("4567")


def _rows(path: Path) -> Any:
    return pictures.read_rows(path.read_bytes().decode("utf-8", "replace"), 200)


READERS = (
    Reader(
        "config.json",
        "config.json",
        _only(examples.configs),
        mutations.harm_json,
        lambda path: read_config(path.parent),
        3,
    ),
    Reader(
        "card",
        "tiny.test.json",
        _with_card,
        mutations.harm_json,
        lambda p: _look(load_model(p.with_suffix(".safetensors"))),
        2,
    ),
    Reader(
        "safetensors",
        "tiny.test.safetensors",
        _with_weights,
        mutations.harm_safetensors,
        _read_weights,
        2,
    ),
    Reader(
        "published .pth",
        "model.pth",
        _only(examples.published_checkpoints),
        mutations.harm_zip,
        lambda p: _look(load_model(p)),
    ),
    Reader(
        "last.pt",
        "last.pt",
        _only(examples.run_checkpoints),
        mutations.harm_zip,
        lambda path: _look(load_model(path)),
    ),
    Reader(
        "metrics.jsonl",
        "metrics.jsonl",
        _only(examples.metrics),
        mutations.harm_text,
        lambda p: read_metrics(p.parent),
        2,
        total=True,
    ),
    Reader(
        "HDF5", "galaxies.h5", _only(examples.hdf5_files), mutations.harm_bytes, _read_galaxies, 2
    ),
    *(
        Reader(
            f"{kind} of images",
            f"galaxies.{kind.lower()}",
            _only(partial(examples.row_files, kind)),
            mutations.harm_bytes,
            _read_galaxies,
        )
        for kind in ("Parquet", "Arrow")
    ),
    Reader(
        "Parquet images by id",
        "images.parquet",
        _only(lambda: examples.row_files("Parquet")[:1]),  # the other has no ids
        mutations.harm_bytes,
        _read_by_id,
    ),
    *(
        Reader(
            f"catalogue in {ending}",
            f"catalogue.{ending}",
            _only(partial(examples.catalogues, ending)),
            harm,
            read_catalogue,
        )
        for ending, harm in (
            ("fits", mutations.harm_fits),
            ("vot", mutations.harm_text),
            ("ecsv", mutations.harm_text),
            ("csv", mutations.harm_text),
            ("txt", mutations.harm_text),
            ("parquet", mutations.harm_bytes),
        )
    ),
    Reader("FITS", "galaxy.fits", _only(examples.fits_files), mutations.harm_fits, _read_fits, 1.5),
    Reader("FITS flux", "galaxy.fits", _only(examples.flux_fits), mutations.harm_fits, _read_flux),
    Reader(
        "Parquet flux",
        "flux.parquet",
        _only(examples.flux_rows),
        mutations.harm_bytes,
        _open_flux,
    ),
    Reader(
        "Arrow flux",
        "flux.arrow",
        _only(partial(examples.flux_rows, "Arrow")),
        mutations.harm_bytes,
        _open_flux,
    ),
    Reader(
        "FITS bands with masks",
        "galaxy.fits",
        _only(examples.masked_fits),
        mutations.harm_fits,
        _open_bands,
    ),
    Reader(
        "HATS collection",
        "collection.properties",
        examples.collection,
        mutations.harm_text,
        lambda path: read_catalogue(path.parent),
    ),
    Reader(
        "list of a HATS catalogue",
        "partition_info.csv",
        examples.hats_lists,
        mutations.harm_text,
        lambda path: read_catalogue(path.parent),
    ),
    Reader("HDF5 flux", "flux.h5", _only(examples.flux_hdf5), mutations.harm_bytes, _open_flux),
    Reader("JPEG and PNG", "galaxy.png", _only(examples.pictures), PICTURES, read_image, 5),
    Reader("labels.csv", "labels.csv", _with_pictures, mutations.harm_text, _read_galaxies, 2),
    Reader(
        "cached arrays",
        "vectors.npz",
        _only(examples.cached_arrays),
        mutations.harm_zip,
        _cached,
        2,
        total=True,
    ),
    Reader(
        "manifest of vectors",
        "manifest.json",
        _with_shards("manifest.json"),
        mutations.harm_json,
        lambda p: read_shards(p.parent),
    ),
    Reader(
        "Parquet of vectors",
        SHARD,
        _with_shards(SHARD),
        mutations.harm_bytes,
        lambda path: read_shards(path.parent),
    ),
    Reader(
        "others' vectors, Parquet",
        "theirs.parquet",
        _only(examples.foreign_tables),
        mutations.harm_bytes,
        open_vectors,
        2,
    ),
    Reader(
        "others' vectors, npz",
        "theirs.npz",
        _only(examples.foreign_arrays),
        mutations.harm_zip,
        open_vectors,
        2,
    ),
    Reader(
        "store of vectors",
        "part.parquet",
        _only(lambda: examples.foreign_tables()[:2]),  # the third has no column of vectors
        mutations.harm_bytes,
        _store,
    ),
    Reader(
        "cached frames",
        "frames.npy",
        _only(examples.kept_frames),
        mutations.harm_bytes,
        _frames,
        total=True,
    ),
    Reader(
        "classifier",
        "probe.json",
        _only(examples.classifiers),
        mutations.harm_json,
        load_classifier,
    ),
    Reader(
        "list of a bundle",
        "bundle.json",
        examples.bundle,
        mutations.harm_json,
        lambda path: open_bundle(path.parent),
    ),
    Reader(
        "record of a sweep",
        "sweep.json",
        _only(examples.sweeps),
        mutations.harm_json,
        lambda path: read_sweep(path.parent),
    ),
    Reader(
        "what a browser kept",
        "kept.json",
        _only(examples.keepsakes),
        mutations.harm_json,
        _keepsake,
        total=True,
    ),
    Reader(
        "portable probe", "probe.json", _only(examples.probes), mutations.harm_json, _read_probe, 3
    ),
    Reader(
        "uploaded picture",
        "picture.png",
        _only(lambda: [*examples.pictures(), *examples.fits_files()]),
        mutations.harm_bytes,
        _upload,
        2,
    ),
    Reader(
        "permalink",
        "link.json",
        _only(examples.links),
        mutations.harm_json,
        _follow_link,
        4,
        total=True,
    ),
    Reader(
        "browser message",
        "message.json",
        _only(examples.messages),
        mutations.harm_json,
        _hear,
        4,
        total=True,
    ),
    Reader(
        "search box",
        "search.txt",
        _only(examples.searches),
        mutations.harm_text,
        _search,
        2,
        total=True,
    ),
    Reader(
        "coordinates",
        "place.txt",
        _only(examples.places),
        mutations.harm_text,
        _place,
    ),
    Reader("file of marks", "marks.csv", _only(examples.marks), mutations.harm_text, _marks, 4),
    Reader(
        "address of pictures",
        "rows.txt",
        _only(lambda: [b"3,14,15", b"0"]),
        mutations.harm_text,
        _rows,
        4,
    ),
)
