"""Write a bundle: reduced galaxies and all results that the pages open with."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from astrojepa.checkpoints.bundle import DEMO, ID, Bundle, open_bundle, seal_bundle
from astrojepa.checkpoints.card import best_id, released_facts, released_ids
from astrojepa.checkpoints.model import load_model, save_released
from astrojepa.data import open_dataset
from astrojepa.data.dataset import Dataset
from astrojepa.data.pack import pack
from astrojepa.data.splits import default_split
from astrojepa.data.thumbnails import keep_thumbnails
from astrojepa.evaluation.anomalies.scores.asymmetry import asymmetry_scores
from astrojepa.evaluation.anomalies.scoring import kept_scores
from astrojepa.evaluation.maps.projection import project
from astrojepa.evaluation.pictures.checks import picture_checks
from astrojepa.evaluation.vectors.embed import embed, pixel_pca, summary_statistics
from astrojepa.files import naming, temporary_folder
from astrojepa.progress import Listener

if TYPE_CHECKING:
    from astrojepa.checkpoints.model import Model

KEPT = (
    "embeddings-",
    "baseline-",
    "projection-",
    "scores-",
    "asymmetry-",
    "picture-checks-",
    "simulated-",
    "thumbnails-",
)  # how names of cached arrays begin; frames and drawn galaxies, .npy, are as large as the data
MAPS, BASELINE_MAPS = ("pca", "umap", "tsne"), ("pca", "umap")
LARGEST_HALF = 60_000  # float16 ends at 65,504


def make_bundle(
    data: Dataset,
    source: str,
    model: Model,
    folder: str | Path,
    size: int = 160,
    *,
    creator: str,
    progress: Listener = False,
) -> Bundle:
    """Write a bundle of these galaxies and this model (see `astrojepa.checkpoints.bundle`).

    Images are packed at most `size` pixels a side, and everything is computed on the packed ones,
    so that the host finds it by content. Simulated galaxies are not packed but named: `source` is
    what `open_dataset` took. Vectors are kept in half precision; maps and scores are those of the
    rounded vectors. Written beside `folder` and renamed.

    Raises ValueError for a model without a plain id, and whatever `pack` and `embed` raise;
    FileExistsError where `folder` exists.
    """
    folder, name = Path(folder), str(model.card.get("id") or model.id)
    if not ID.fullmatch(name) or model.card.get("random"):
        raise ValueError(f"{name!r} is no model to host; give a released or trained one.")
    if folder.exists():
        raise FileExistsError(f"{folder} exists already; name a new folder.")
    with temporary_folder(folder.parent, folder.name) as made, naming(folder):
        if not data.simulated:
            source = f"data/{_plain(data.name)}"
            pack(data, made / source, size, progress=progress)
        hosted = load_model(save_released(model, made / "checkpoints", {**model.card, "id": name}))
        with _cached_in(made / "cache"):
            packed = open_dataset(source if data.simulated else made / source)
            _compute(hosted, packed, made / "cache", progress)
            _complete(packed, made / "cache")
        _seal(made, creator, source, packed, data.name, checkpoints=[name])
        made.rename(folder)
    return open_bundle(folder)


def make_demo(folder: str | Path = DEMO, *, creator: str, progress: Listener = False) -> Bundle:
    """Write the demo that a fresh clone opens with, in place of an older one.

    Vectors, maps and scores of all released models whose weights are here, the best first, which
    are named and not held; the simulator's parameters and small images, so that no galaxy has to
    be drawn for a map. Written beside `folder` and renamed.
    """
    folder, source = Path(folder), "simulated"
    names = sorted(released_ids(), key=lambda name: (name != best_id(), name))
    with temporary_folder(folder.parent, folder.name) as made, naming(folder):
        with _cached_in(made / "cache"):
            data = open_dataset(source)
            for name in names:
                _compute(load_model(name), data, made / "cache", progress)
            _complete(data, made / "cache")
        released = {name: released_facts(name).card["sha256"] for name in names}
        _seal(made, creator, source, data, data.name, checkpoints=[], released=released)
        shutil.rmtree(folder, ignore_errors=True)
        made.rename(folder)
    return open_bundle(folder)


def _seal(folder: Path, creator: str, source: str, data: Dataset, name: str, **models: Any) -> None:
    """Say in the bundle what is in it, and let others read it."""
    facts = {
        "source": source,
        "source_hash": data.source_hash,
        "name": name,
        "galaxies": len(data),
        "fingerprint": data.fingerprint,
    }
    seal_bundle(folder, {"created_by": creator, "data": facts, **models})
    folder.chmod(0o755)


def _compute(model: Model, data: Dataset, cache: Path, progress: Listener) -> None:
    """Fill the cache with what the explorer asks for first."""
    embed(model, data, progress=progress)
    train, _, test = default_split(data)
    if len(train) and len(test):
        pixel_pca(train, test)
    pixel_pca(data, data)
    for path in [*cache.glob("embeddings-*.npz"), *cache.glob("baseline-*.npz")]:
        _halve(path)
    vectors, pixels = embed(model, data), pixel_pca(data, data)[1]
    for embeddings, methods in ((vectors, MAPS), (pixels, BASELINE_MAPS)):
        for method in methods:
            project(embeddings, method, progress=progress)
        kept_scores(embeddings)
    asymmetry_scores(model, data, progress=progress)
    summary_statistics(data)
    picture_checks(data, progress=progress)


def _complete(data: Dataset, cache: Path) -> None:
    """Add small images of what is drawn and not packed, and leave only what a bundle holds."""
    if data.simulated:
        keep_thumbnails(data)
    for path in cache.iterdir():
        if path.suffix == ".npy" or not path.name.startswith(KEPT):
            path.unlink()


def _halve(path: Path) -> None:
    """Rewrite cached float32 arrays in half precision, as far as their numbers fit."""
    with np.load(path, allow_pickle=False) as archive:
        arrays = dict(archive)
    for name, array in arrays.items():
        if array.dtype == np.float32 and np.abs(array).max(initial=0) < LARGEST_HALF:
            arrays[name] = array.astype(np.float16)
    np.savez(path, **arrays)


@contextlib.contextmanager
def _cached_in(folder: Path) -> Iterator[None]:
    """Keep computed arrays in another folder for a while."""
    before = os.environ.get("ASTROJEPA_CACHE")
    os.environ["ASTROJEPA_CACHE"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["ASTROJEPA_CACHE"]
        else:
            os.environ["ASTROJEPA_CACHE"] = before


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_+-]+", "-", name).strip("-")[:60] or "galaxies"
