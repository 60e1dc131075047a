"""Vectors that the embed command wrote: one .npz file, or a folder of Parquet shards."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from astrojepa.evaluation.vectors.shards import read_shards
from astrojepa.files import atomic_write
from astrojepa.types import Embeddings
from astrojepa.wording import one_line


def write_vectors(path: Path, found: Embeddings, facts: dict[str, Any]) -> None:
    """Write vectors, ids, labels, classes, the model's hash and further facts as one .npz,
    atomically.
    """
    with atomic_write(path) as stream:
        np.savez(
            stream,
            vectors=found.vectors,
            ids=found.ids.astype(str),
            labels=found.labels,
            classes=np.array(found.classes),
            model_hash=np.array(found.model_hash),
            **facts,
        )


def read_vectors(path: str | Path) -> Embeddings:
    """Read an .npz of `write_vectors`, or the shards in a folder; nothing in it is unpickled.

    FileNotFoundError where there is none, ValueError where a file is damaged or of something else.
    """
    path = Path(path)
    if path.is_dir():
        return read_shards(path)
    if not path.is_file():
        raise FileNotFoundError(f"There are no vectors {path}; write some with astrojepa embed.")
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(item.file_size for item in archive.infolist()) > path.stat().st_size:
                raise ValueError("it is compressed")
        with np.load(path, allow_pickle=False) as arrays:
            vectors, labels = arrays["vectors"], arrays["labels"].astype(np.int64)
            ids, classes = arrays["ids"].astype(str), tuple(arrays["classes"].astype(str).tolist())
            digest = str(arrays["model_hash"]) if "model_hash" in arrays else ""
        if vectors.ndim != 2 or not len(vectors) == len(labels) == len(ids):
            raise ValueError(
                f"vectors of shape {vectors.shape}, {len(labels)} labels, {len(ids)} ids"
            )
        if len(labels) and not -1 <= labels.min() <= labels.max() < len(classes):
            raise ValueError(f"labels up to {labels.max()} for {len(classes)} classes")
    # numpy and zipfile raise a dozen kinds for damaged files
    except Exception as error:
        reason = one_line(f"{type(error).__name__}: {error}", 120)
        raise ValueError(
            f"{path} holds no vectors of the embed command ({reason}); write it again."
        ) from error
    return Embeddings(vectors.astype(np.float32), labels, ids, classes, digest)
