"""Open data and models, and refuse what differs from the server's list."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import astrojepa as aj
from astrojepa.progress import Progress

from ..server.serving import Source
from .queue import as_task, import_libraries


@as_task
def open_source(report: Progress, source: Source) -> Any:
    """Open a data set; ValueError where it is not what the list of what is served says."""
    options: dict[str, Any] = {
        "where": source.where or None,
        "label_column": source.label_column or None,
        "bands": source.bands,
    }
    data = aj.open_dataset(
        source.path, **options, skip_corrupt=source.skip_corrupt, progress=report
    )
    if source.source_hash and data.source_hash != source.source_hash:
        found, expected = data.source_hash[:12], source.source_hash[:12]
        raise ValueError(
            f"{source.name} is not served: its hash is {found}…, but this server's list has "
            f"{expected}…."
        )
    return _joined(data, source.catalogue) if source.catalogue else data


def _joined(data: Any, catalogue: str) -> Any:
    from astrojepa.data.catalogue import joined, read_catalogue

    return joined(data, read_catalogue(catalogue), name=Path(catalogue).stem)


@as_task
def open_vectors(report: Progress, path: str) -> Any:
    """Read a file of vectors."""
    from astrojepa.evaluation.vectors.stored import open_vectors

    return open_vectors(path)


@as_task
def open_model(report: Progress, reference: str, sha256: str = "") -> Any:
    """Load a model by id, alias or path; ValueError if its weights differ from the list."""
    import_libraries()
    model = aj.load_model(reference)
    if sha256 and model.card.get("sha256") != sha256:
        found = str(model.card.get("sha256"))[:12]
        raise ValueError(
            f"{model.id} is not served: its SHA-256 is {found}…, but this server's list has "
            f"{sha256[:12]}…."
        )
    return model
