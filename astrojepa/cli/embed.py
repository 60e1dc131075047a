"""embed: one vector per galaxy."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import Any

from astrojepa.cli.options import add_device, add_passes, declare, open_data
from astrojepa.cli.train import choose_device


def add_to(commands: Any) -> None:
    """Declare the commands of this file."""
    help = "Write the embedding of each galaxy."
    embed = declare(commands, "embed", _embed, help, "best --data galaxies --out vectors")
    embed.add_argument(
        "--out",
        required=True,
        type=Path,
        help="folder for Parquet files, one per process of torchrun --nproc_per_node=N -m "
        "astrojepa embed ... (after an interruption the same command continues), or a .npz file "
        "with vectors, ids, labels and classes",
    )
    embed.add_argument(
        "--part",
        type=_part,
        metavar="R/W",
        help="compute only part R of W, e.g. 3/16: jobs of a cluster, or machines that share the "
        "folder, each compute one",
    )
    embed.add_argument(
        "--precision",
        default="float32",
        help="float32 (default), bfloat16, or auto: bfloat16 if the device supports it natively; "
        "recorded in the output",
    )
    add_passes(embed)
    add_device(embed)


def _part(text: str) -> tuple[int, int]:
    """Read "3/16" as (3, 16)."""
    match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text)
    if not match or not 1 <= int(match[1]) <= int(match[2]):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no part; write R/W, e.g. 3/16, R from 1 to W"
        )
    return int(match[1]), int(match[2])


def _embed(options: argparse.Namespace) -> int:
    from astrojepa import distributed

    device = distributed.start(choose_device(options.device))
    try:
        return (_embed_file if options.out.suffix == ".npz" else _embed_folder)(
            options, str(device)
        )
    finally:
        distributed.stop()


def _embed_file(options: argparse.Namespace, device: str) -> int:
    from astrojepa import distributed
    from astrojepa.checkpoints.model import load_model
    from astrojepa.evaluation.vectors.embed import differences, embed
    from astrojepa.evaluation.vectors.stored import write_vectors

    if distributed.world_size() > 1 or options.part:
        writers = options.part[1] if options.part else distributed.world_size()
        raise ValueError(
            f"{options.out} is one file, but {writers} processes write; give a folder."
        )
    model, data = load_model(options.model, device), open_data(options)
    how = {"precision": options.precision, "passes": options.passes}
    found = embed(model, data, progress=sys.stderr.isatty(), **how)
    write_vectors(options.out, found, data, {"model": model.id, **differences(model, **how)})
    print(
        f"{options.out}: {found.vectors.shape[0]} vectors of width {found.vectors.shape[1]} for "
        f"{data.name}"
    )
    return 0


def _embed_folder(options: argparse.Namespace, device: str) -> int:
    from astrojepa import distributed
    from astrojepa.checkpoints.model import load_model
    from astrojepa.evaluation.vectors.embed_shards import embed_shards

    model = load_model(options.model, device)
    with distributed.first_on_each_machine():  # the others find what it drew or hashed
        data = open_data(options, heard=distributed.rank() == 0)
    how = {"precision": options.precision, "passes": options.passes}
    run = embed_shards(
        model, data, options.out, progress=sys.stderr.isatty(), part=options.part, **how
    )
    if distributed.rank() == 0:
        if run.num_found:
            print(f"{run.num_found} of {run.num_blocks} blocks were already done")
        if run.num_missing:
            print(
                f"{options.out}: {run.num_shards - run.num_missing} of {run.num_shards} shards are "
                f"written, {run.num_missing} are missing"
            )
            return 0
        print(
            f"{options.out}: complete, {len(data)} vectors of width {model.width} for {data.name}, "
            f"shards: {run.num_shards}"
        )
    return 0
