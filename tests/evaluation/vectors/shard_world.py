"""What the tests of shards share: processes that run one after the other, an interruption,
damage.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyarrow import parquet

from astrojepa import distributed
from astrojepa.data.dataset import Dataset
from astrojepa.evaluation.vectors.embed_shards import embed_shards
from astrojepa.evaluation.vectors.shards import ShardFolder
from astrojepa.types import Embeddings


def pictures(count: int, side: int = 20) -> np.ndarray:
    return np.random.default_rng(count).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


def one_after_the_other(patch: pytest.MonkeyPatch) -> Callable[[int, int], None]:
    """Return a function that makes this process number `rank` of `size`; they run one after the
    other, so that nobody waits.
    """

    def become(rank: int, size: int) -> None:
        for name, value in {"rank": rank, "world_size": size, "wait": None}.items():
            patch.setattr(distributed, name, lambda value=value: value)
        patch.setattr(distributed, "all_sum", lambda tensor: tensor)

    return become


def interrupted(
    model: Any, data: Dataset, folder: Path, after: int, part: tuple[int, int] | None = None
) -> None:
    """Embed in blocks of 4 until `after` blocks are written."""
    encode, left = model.encode, iter(range(after))

    def encode_or_die(frames: np.ndarray) -> np.ndarray:
        if next(left, None) is None:
            raise KeyboardInterrupt
        return encode(frames)

    model.encode = encode_or_die
    with pytest.raises(KeyboardInterrupt):
        embed_shards(model, data, folder, block_size=4, part=part)
    model.encode = encode


def spoil(path: Path, damage: str) -> None:
    """Cut the last byte, or everything, or change one bit of a vector."""
    content = bytearray(path.read_bytes())
    size = {"cut": len(content) - 1, "empty": 0, "altered": len(content)}[damage]
    vector = parquet.read_table(path)["vector"].combine_chunks().flatten().to_numpy()[:6].tobytes()
    content[content.index(vector) + 8] ^= 1
    path.write_bytes(content[:size])


def assert_equal(found: Embeddings, expected: Embeddings) -> None:
    for field in dataclasses.fields(Embeddings):
        np.testing.assert_array_equal(
            getattr(found, field.name), getattr(expected, field.name), field.name
        )
    assert found.vectors.dtype == np.float32
    assert found.labels.dtype == np.int64


def hold(folder: str) -> None:
    """Hold part 1 of 2 of a folder until a line is given."""
    with ShardFolder(Path(folder), {}).alone(Path(folder, "shard-00000-of-00002.parquet")):
        print("held", flush=True)
        input()
