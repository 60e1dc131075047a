"""Ids of millions of galaxies as numbers of 64 bits, to be looked up in little room."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from astrojepa.data import DataError
from astrojepa.data.missing import WORDS


def id_keys(ids: Any, name: str) -> np.ndarray:
    """Return a hash of each id, uint64 (n,), 0 where it is missing; `ids` is an array of pyarrow,
    of text or whole numbers. 17 and "17" are the same id.

    DataError, naming `name`, for ids of another kind. Among two catalogues of 10⁷ galaxies, two
    different ids share a key with a probability of 5 in a million.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(ids.type):
        words, codes = id_keys(ids.dictionary, name), ids.indices.fill_null(-1).to_numpy()
        return np.append(words, np.uint64(0))[codes]
    text = pa.types.is_string(ids.type) or pa.types.is_large_string(ids.type)
    if not (text or pa.types.is_integer(ids.type)):
        lost = ", which lose digits" if pa.types.is_floating(ids.type) else ""
        raise DataError(f"{name}: the ids are {ids.type}{lost}; write text or whole numbers.")
    words = pc.utf8_trim_whitespace(ids.cast(pa.large_string()).fill_null(""))
    words = pc.utf8_normalize(words, "NFC")
    known = ~pc.is_in(words, value_set=pa.array(sorted(WORDS), pa.large_string())).to_numpy(
        zero_copy_only=False
    )
    keys = pd.util.hash_array(words.to_numpy(zero_copy_only=False), categorize=False)
    return np.where(known, np.maximum(keys, 1), 0).astype(np.uint64)
