"""Vectors in files: those of the embed command, and other people's."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from astrojepa.data.content import content_hash
from astrojepa.data.dataset import Dataset
from astrojepa.data.missing import WORDS, as_numbers, known_numbers, known_places, without_missing
from astrojepa.data.readers.labels import encode_labels, shortened_ids, split_names
from astrojepa.data.without_images import NoImages
from astrojepa.evaluation.batches import of_galaxies
from astrojepa.evaluation.vectors.columns import Columns, VectorsError, read_npz, read_parquet
from astrojepa.evaluation.vectors.shards import MANIFEST, open_shards, read_places, read_shards
from astrojepa.evaluation.vectors.store import open_store
from astrojepa.files import atomic_write
from astrojepa.types import Embeddings
from astrojepa.wording import one_line, sentences

READERS: dict[str, Callable[[Path, str], Columns]] = {
    ".npz": read_npz,
    ".parquet": read_parquet,
    ".pq": read_parquet,
}


@dataclass(frozen=True)
class Stored:
    """What a file of vectors holds."""

    name: str
    hash: str  # of the file, or of what the manifest of a folder says (16 hex digits)
    embeddings: Embeddings
    galaxies: Dataset  # the same galaxies, of which the file has no images
    model: str = ""  # id of the model that made the vectors, where the file says it

    @property
    def made_by(self) -> tuple[str, str]:
        """Name and hash of the model that made the vectors; of the file, where it does not say."""
        known = self.embeddings.model_hash
        return (self.model or self.name, known) if known else (self.name, self.hash)

    @property
    def origin(self) -> dict[str, str]:
        """What the vectors are, for the record."""
        known = {"model_hash": self.embeddings.model_hash} if self.embeddings.model_hash else {}
        return {"vectors": self.name, "vectors_hash": self.hash, **known}


def write_vectors(path: Path, found: Embeddings, data: Dataset, facts: dict[str, Any]) -> None:
    """Write vectors, ids, labels, classes, what is known of the galaxies, the hashes of model and
    data and further facts as one .npz, atomically.
    """
    known: dict[str, Any] = {"ra": data.ra, "dec": data.dec} if np.isfinite(data.ra).any() else {}
    if data.split_column is not None:
        known["split"] = data.split_column.astype(str)
    with atomic_write(path) as stream:
        np.savez(
            stream,
            vectors=found.vectors,
            ids=found.ids.astype(str),
            labels=found.labels,
            classes=np.array(found.classes, dtype=str),
            model_hash=np.array(found.model_hash),
            data_hash=np.array(found.data_hash),
            **known,
            **facts,
        )


def read_vectors(path: str | Path) -> Embeddings:
    """Read vectors from a file: an .npz or Parquet file, or a folder of Parquet files.

    A Parquet file has a column `object_id` (or `id`) and a column `vector` of lists of D numbers;
    an .npz has arrays of these names, (n,) and (n, D). Labels (`label`) may stand beside them.
    Nothing is unpickled.

    Raises FileNotFoundError where there is none; ValueError for a file that is damaged or too
    large, vectors of different lengths or that are not finite, and ids that are missing, lost
    digits, or occur twice.

    Examples:
        >>> path = folder.with_suffix(".npz")
        >>> np.savez(path, object_id=["a", "b"], vector=np.eye(2))
        >>> aj.read_vectors(path).vectors.shape
        (2, 2)
    """
    return open_vectors(path).embeddings


def open_vectors(path: str | Path, label_column: str = "") -> Stored:
    """`read_vectors`, with what the file knows of the galaxies: ids, labels, positions, split.

    `label_column` chooses the column of the class. Raises as `read_vectors`.
    """
    path = Path(path)
    if (path / MANIFEST).is_file():
        return _of_shards(path)
    if path.is_dir():
        found = open_store(path, label_column).read()
    elif not path.is_file():
        raise FileNotFoundError(f"There are no vectors {path}; write some with astrojepa embed.")
    elif (read := READERS.get(path.suffix.lower())) is None:
        raise VectorsError(
            f"{path} is no file of vectors; give one that ends in {', '.join(READERS)}, or a "
            f"folder of Parquet files."
        )
    else:
        found = read(path, label_column)
    digest = hash_of(path)
    ids = _checked_ids(path, found)
    labels, classes, note = _labels(path, found, ids)
    _check_finite(path, found.vectors, ids)
    ra, dec = _places(path, found, ids)
    text = pd.DataFrame({"split": found.known.get("split", np.array([])).astype(str)}, dtype=str)
    hashes = (found.facts.get("model_hash", ""), found.facts.get("data_hash", ""))
    embeddings = Embeddings(found.vectors, labels, ids, classes, *hashes)
    others = one_line(", ".join(found.unread), 100)
    more = f"Other columns of {path.name} are not read ({others}); join them with --catalogue."
    galaxies = dataclasses.replace(
        _without_images(path.name, embeddings, ra, dec, f"vectors {digest}"),
        simulated=found.facts.get("simulated") == "true",
        split_column=split_names(text) if "split" in found.known else None,
        notes=sentences(note, more if others else ""),
    )
    return Stored(path.name, digest, embeddings, galaxies, found.facts.get("model", ""))


def with_images(stored: Stored, data: Dataset) -> tuple[Dataset, Embeddings]:
    """Return the galaxies of `data` that have vectors, and their vectors, labelled as in `data`.

    Galaxies are the same where their ids are, or row by row where the vectors were made of these
    very data; a note says how many have none. Raises ValueError where none has a vector, or an id
    has several.
    """
    rows = rows_of(stored, data)
    there = rows >= 0
    if not there.all():
        note = left_out(stored, data, int((~there).sum()))
        data = dataclasses.replace(data.subset(there), notes=(*data.notes, note))
    return data, taken(stored, data, rows[there])


def left_out(stored: Stored, data: Dataset, count: int) -> str:
    """Say how many galaxies have no vector."""
    return (
        f"{count:,} of {len(data):,} galaxies of {data.name} have no vector in {stored.name} and "
        "are left out."
    )


def taken(stored: Stored, data: Dataset, rows: np.ndarray) -> Embeddings:
    """Return the vectors of `rows`, one per galaxy of `data`, labelled as there."""
    return of_galaxies(stored.embeddings.vectors[rows], data, stored.embeddings.model_hash)


def rows_of(stored: Stored, data: Dataset) -> np.ndarray:
    """Return the row of each galaxy's vector, int64 (n,), -1 for none. Raises as `with_images`."""
    found = stored.embeddings
    if found.data_hash == data.fingerprint and len(found) == len(data):
        rows = np.arange(len(data))
    else:
        place = {name: row for row, name in enumerate(found.ids.tolist())}
        if len(place) < len(found):
            names, counts = np.unique(found.ids, return_counts=True)
            twice = names[counts > 1]
            more = f" and {len(twice) - 3:,} more ids" if len(twice) > 3 else ""
            raise ValueError(
                f"{stored.name} has several vectors each of {', '.join(twice[:3])}{more}, and was "
                f"not made of {data.name}; keep one vector of each id, or embed {data.name} again."
            )
        rows = np.array([place.get(name, -1) for name in data.ids.astype(str).tolist()])
    if not (rows >= 0).any():
        raise ValueError(
            f"No galaxy of {data.name} has the id of a vector in {stored.name} (such as "
            f"{found.ids[0]}); choose data with these ids."
        )
    return rows


def hash_of(path: str | Path) -> str:
    """Hash of a file of vectors, or of what the manifest of a folder says (16 hex digits)."""
    path = Path(path)
    if path.is_dir() and not (path / MANIFEST).is_file():
        return open_store(path).hash
    return content_hash(path / MANIFEST if path.is_dir() else path).hex()[:16]


def _of_shards(path: Path) -> Stored:
    found = read_shards(path)
    _check_finite(path, found.vectors, found.ids)
    digest = hash_of(path)
    galaxies = _without_images(path.name, found, *read_places(path), f"vectors {digest}")
    return Stored(path.name, digest, found, galaxies, open_shards(path).facts["model"])


def _without_images(
    name: str, found: Embeddings, ra: np.ndarray, dec: np.ndarray, source_hash: str
) -> Dataset:
    known = found.ids, found.labels, found.classes, ra, dec, np.full(len(found), np.nan)
    return Dataset(name, NoImages(name), np.arange(len(found)), *known, source_hash)


def _checked_ids(path: Path, found: Columns) -> np.ndarray:
    """Return the ids, str (n,); VectorsError for ids that name nothing or several galaxies."""
    given = found.known["id"]
    if given.dtype.kind == "f":
        raise VectorsError(
            f"{path}: the ids are floating-point numbers, which lose digits; write them as text or "
            f"integers."
        )
    ids = pd.Series(given.astype(str), dtype=str).str.strip().str.normalize("NFC").to_numpy(str)
    if lost := shortened_ids(pd.Series(ids, dtype=str)):
        raise VectorsError(
            f"{path}: the id {lost[0]} lost its digits in a spreadsheet ({len(lost):,} such ids); "
            f"write ids as text."
        )
    if empty := int(np.isin(ids, [*WORDS]).sum()):
        raise VectorsError(f"{path}: {empty:,} ids are missing; give every vector an id.")
    if "model_hash" in found.facts:  # several images of a galaxy may have been embedded
        return ids
    names, counts = np.unique(ids, return_counts=True)
    if len(names) < len(ids):
        raise VectorsError(
            f"{path}: {int((counts > 1).sum()):,} ids occur twice or more, such as "
            f"{names[counts > 1][0]}; keep one vector of each."
        )
    return ids


def _check_finite(path: Path, vectors: np.ndarray, ids: np.ndarray) -> None:
    with np.errstate(invalid="ignore"):  # a sum is finite where every number is
        bad = np.flatnonzero(~np.isfinite(vectors.sum(axis=1, dtype=np.float64)))
    if len(bad):
        raise VectorsError(
            f"{path}: {len(bad):,} of {len(vectors):,} vectors hold NaN, infinity or a number too "
            f"large for float32 (first: {ids[bad[0]]}); leave these galaxies out, or embed them "
            f"again."
        )


def _labels(path: Path, found: Columns, ids: np.ndarray) -> tuple[np.ndarray, tuple[str, ...], str]:
    """Return labels int64 (n,), -1 where unknown, the classes, and a sentence if there are none."""
    given = found.known.get("label")
    if given is None:
        return np.full(len(ids), -1, np.int64), (), ""
    if found.classes is not None and given.dtype.kind in "iu":
        labels = given.astype(np.int64)
        if not -1 <= labels.min() <= labels.max() < len(found.classes):
            raise VectorsError(
                f"{path} has labels from {labels.min()} to {labels.max()} for "
                f"{len(found.classes)} classes; write it again."
            )
        return labels, found.classes, ""
    if given.dtype.kind == "f" and not (given[np.isfinite(given)] % 1).any():
        given = np.array(["" if value != value else f"{value:.0f}" for value in given.tolist()])
    text = without_missing(pd.Series(given.astype(str), dtype=str))
    text = text.mask(text == "-1", "") if found.known["label"].dtype.kind in "if" else text
    return encode_labels(pd.DataFrame({"file": ids, "label": text}, dtype=str), None, path.name)


def _places(path: Path, found: Columns, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return ra, dec in degrees, NaN where unknown; VectorsError for what is none."""
    angles = []
    for name, low, high in (("ra", 0, 360), ("dec", -90, 90)):
        given = found.known.get(name)
        if given is None:
            return np.full(len(ids), np.nan), np.full(len(ids), np.nan)
        text = given.dtype.kind == "U"
        values, wrong = as_numbers(pd.Series(given, dtype=str)) if text else (given, np.zeros(1))
        values = known_numbers(np.asarray(values, dtype=np.float64))
        bad = np.flatnonzero((wrong > 0) | (values < low) | (values > high))
        if len(bad):
            raise VectorsError(
                f"{path}: {name} of {ids[bad[0]]} is {given[bad[0]]}, expected degrees in "
                f"[{low}, {high}]."
            )
        angles.append(values)
    return known_places(*angles)
