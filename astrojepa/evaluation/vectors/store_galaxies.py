"""Some galaxies of a store as a data set: what is known of them, without images."""

from __future__ import annotations

import numpy as np
import pandas as pd

from astrojepa.data.columns import encode_column
from astrojepa.data.dataset import Dataset
from astrojepa.data.missing import known_numbers, known_places
from astrojepa.data.readers.labels import find_name, split_names
from astrojepa.data.without_images import NoImages
from astrojepa.evaluation.vectors.store import Store


def galaxies_of(store: Store, rows: np.ndarray, source_hash: str) -> Dataset:
    """Return the galaxies of some rows, in their order, with every column of one value.

    The data set that a file of the same galaxies opens as has the same ids, classes (those of these
    galaxies), positions, redshifts and columns. `source_hash` identifies the store.
    """
    rows = np.asarray(rows, np.int64)
    table, known, name = store.table_of(rows), store.layouts[0].known, store.path.name
    labels, classes = np.full(len(rows), -1, np.int64), tuple[str, ...]()
    if "label" in known:
        labels, classes = encode_column(table[known["label"]])
    columns = {"redshift": find_name(list(table), "redshift"), **known}
    ra, dec, redshift = (
        known_numbers(
            pd.to_numeric(table[column], errors="coerce").to_numpy(np.float64, na_value=np.nan)
        )
        if (column := columns.get(meaning))
        else np.full(len(rows), np.nan)
        for meaning in ("ra", "dec", "redshift")
    )
    ra, dec = known_places(ra, dec)
    placed = (ra >= 0) & (ra <= 360) & (np.abs(dec) <= 90)
    split = table[known["split"]].fillna("").astype(str) if "split" in known else None
    return Dataset(
        name,
        NoImages(name),
        rows,
        table[known["id"]].astype(str).to_numpy(),
        labels,
        classes,
        np.where(placed, ra, np.nan),
        np.where(placed, dec, np.nan),
        redshift,
        source_hash,
        simulated=store.facts.get("simulated") == "true",
        table=table,
        split_column=None if split is None else split_names(pd.DataFrame({"split": split})),
    )
