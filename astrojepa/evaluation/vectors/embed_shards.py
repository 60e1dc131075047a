"""Embed large catalogues: many processes, resumable blocks, one Parquet shard per process.

Process r of w computes the blocks r, r + w, .... Blocks are fixed ranges of rows and batches are
cut inside them, so that a vector depends neither on the number of processes nor on interruptions.
What the folder looks like is told in shards.py.
"""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from astrojepa import distributed
from astrojepa.data.dataset import Dataset
from astrojepa.data.frames import read_frames_for
from astrojepa.evaluation.vectors.embed import differences
from astrojepa.evaluation.vectors.shards import FORMAT, MANIFEST, ShardFolder, open_shards
from astrojepa.evaluation.vectors.standardise import check_finite
from astrojepa.files import write_json
from astrojepa.progress import Listener, reporting

if TYPE_CHECKING:
    from astrojepa.checkpoints.model import Model

BLOCK_SIZE = 1024  # galaxies: what an interruption can cost each process
BATCH_SIZE = 256  # as `embed` cuts them: the same batches give the same bits
NAMES = ("model", "data")  # for the reader; a renamed file gives the same vectors


@dataclass(frozen=True)
class ShardRun:
    """What `embed_shards` found and left, over all processes, or of its part."""

    num_blocks: int
    num_found: int  # blocks that were there already
    num_shards: int
    num_missing: int = 0  # shards that other parts still have to write, or to write again


def embed_shards(
    model: Model,
    data: Dataset,
    path: str | Path,
    *,
    block_size: int = BLOCK_SIZE,
    progress: Listener = None,
    precision: str = "float32",
    passes: int | None = None,
    part: tuple[int, int] | None = None,
) -> ShardRun:
    """Embed every galaxy into a folder of Parquet shards; every process of torchrun calls this.

    Each vector is that of `embed`, to the bit on a CPU with as many threads. Images are streamed:
    at most three batches of frames are in memory. After a kill at any moment the same call computes
    the blocks that are missing, with another number of processes too unless shards are written
    already. `progress` is heard on process 0, about its own share. `precision` and `passes` are
    those of `embed`; where they are not the usual ones, the manifest says so.

    `part` = (r, w), with 1 <= r <= w, does the share of process r of w without torchrun: machines
    that see the same folder need not know of each other, nor run at the same time.

    Raises ValueError for an empty data set, a vector that is not finite (its galaxy is named), a
    folder of another model or data, one that another number of processes must finish, or a part
    that does not exist or is asked for under torchrun; OSError, before anything is computed, where
    another process computes the same share, or divides the galaxies into another number of parts;
    PeerLostError where another process of torchrun ended.
    """
    own, size = distributed.rank(), distributed.world_size()
    if part:
        if size > 1 or not 1 <= part[0] <= part[1]:
            raise ValueError(
                f"part is {part[0]} of {part[1]} in {size} processes; give 1 to {part[1]}, and no "
                f"torchrun."
            )
        own, size = part[0] - 1, part[1]
    if len(data) == 0 or block_size < 1:
        raise ValueError(
            f"{data.name} has {len(data)} galaxies to embed in blocks of {block_size}; both must "
            f"be at least 1."
        )
    unusual = differences(model, precision, passes)
    folder = _claim(Path(path), _facts(model, data, block_size, unusual))
    blocks, shards = folder.blocks, folder.shards()
    whole = [
        shard
        for part, shard in enumerate(shards)
        if folder.is_whole(shard, blocks[part :: len(shards)])
    ]
    if shards and len(whole) == len(shards):
        folder.remove_leftovers()
        return ShardRun(len(blocks), len(blocks), len(shards))
    shard = folder.shard(own, size)
    with folder.alone(shard):
        shards = folder.shards()  # another process may have written one meanwhile
        if shards and len(shards) != size:
            count = sum(map(Path.is_file, shards))
            raise ValueError(
                f"{path} holds {count} of {len(shards)} shards, and {len(shards)} processes must "
                f"finish them, not {size}; start torchrun with --nproc_per_node={len(shards)}, "
                f"give parts of {len(shards)}, or choose another folder."
            )
        mine = blocks[own::size]
        if done := folder.is_whole(shard, mine):
            mine = []
        computed = _compute(model, data, folder, mine, progress, unusual)
        if not done:
            folder.write_shard(shard, mine)
    distributed.wait()
    asked = len(blocks[own::size] if part else blocks)
    missing = sum(
        not folder.is_whole(other, blocks[number::size])
        for number, other in enumerate(folder.shards())
    )
    if not missing:  # else another part may still need its blocks
        folder.remove_leftovers()
    return ShardRun(asked, asked - computed, size, missing)


def _facts(model: Model, data: Dataset, block_size: int, unusual: dict[str, Any]) -> dict[str, Any]:
    """Return the manifest: everything that decides the vectors, and the names of model and data."""
    facts = {
        "format": FORMAT,
        "model": model.id,
        "model_hash": model.hash,
        "settings": {
            "image": model.config.to_dict()["image"],
            "mean": model.mean,
            "std": model.std,
            **unusual,
        },
        "width": model.width,
        "data": data.name,
        "data_fingerprint": data.fingerprint,
        "count": len(data),
        "classes": data.classes,
        "block_size": block_size,
    }
    return dict(json.loads(json.dumps(facts)))  # lists for tuples, as it will be read back


def _claim(path: Path, facts: dict[str, Any]) -> ShardFolder:
    """Write the manifest if there is none; ValueError if it is of another embedding."""
    if path.exists() and not path.is_dir():
        raise ValueError(
            f"{path} is a file; name a folder for the shards, or a file ending in .npz."
        )
    if not (path / MANIFEST).exists():
        write_json(path / MANIFEST, facts)
    folder = open_shards(path)
    if different := [key for key in facts if facts[key] != folder.facts[key] and key not in NAMES]:
        theirs, ours = (
            f"{said['model']} ({said['model_hash']}) of {said['data']} ({said['data_fingerprint']})"
            for said in (folder.facts, facts)
        )
        raise ValueError(
            f"{path} holds vectors by {theirs}, and these are by {ours}, which differ in "
            f"{', '.join(different)}; choose another folder."
        )
    return folder


def _compute(
    model: Model,
    data: Dataset,
    folder: ShardFolder,
    blocks: list[range],
    progress: Listener,
    unusual: dict[str, Any],
) -> int:
    """Write this process's missing blocks; returns how many all processes wrote."""
    own, size = distributed.rank(), distributed.world_size()
    missing = [rows for rows in blocks if folder.read_block(rows) is None]
    counts = torch.zeros(size, dtype=torch.int64, device=model.device)
    counts[own] = len(missing)
    counts = distributed.all_sum(counts)
    total = sum(map(len, blocks))
    text = "embedding" if size == 1 else f"embedding, process {own} of {size}"
    done = total - sum(map(len, missing))
    vectors = _encoded(model, data, missing, unusual)
    with (
        contextlib.closing(vectors),
        reporting(progress if own == 0 else None, total, text) as report,
    ):
        report(done)
        for turn in range(int(counts.max())):
            if turn < len(missing):
                rows, found = missing[turn], next(vectors)
                check_finite(found, data.ids[rows.start : rows.stop])
                folder.write_block(data, rows, found)
                done += len(rows)
                report(done)
            # after every block: nobody waits for hours at the end, and a process that ended is
            # noticed soon
            distributed.wait()
    return int(counts.sum())


def _encoded(
    model: Model, data: Dataset, blocks: list[range], unusual: dict[str, Any]
) -> Generator[np.ndarray]:
    """Yield each block's vectors, float32 (b, D), reading ahead."""
    cuts = [
        [rows[first : first + BATCH_SIZE] for first in range(0, len(rows), BATCH_SIZE)]
        for rows in blocks
    ]
    batches = (slice(rows.start, rows.stop) for rows in itertools.chain.from_iterable(cuts))
    with contextlib.closing(read_frames_for(data, model.config.image, batches)) as frames:
        for parts in cuts:
            yield np.concatenate(
                [model.encode(batch, **unusual) for batch in itertools.islice(frames, len(parts))]
            )
