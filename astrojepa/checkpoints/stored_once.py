"""Weights stored once: a moving average equal to its encoder is left out of the file.

The hash of a model is that of the whole file, the average included, so that the same weights have
one name, however they are stored.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from safetensors import SafetensorError, deserialize

from astrojepa.checkpoints.errors import CheckpointError
from astrojepa.config import TrainConfig

ENCODER, AVERAGE = "encoder.", "target_encoder."
_ALIGNMENT = 8  # bytes; safetensors fills its header up with blanks

T = TypeVar("T")


def without_average(names: Mapping[str, T]) -> dict[str, T]:
    """Return the entries that do not belong to the moving average."""
    return {name: value for name, value in names.items() if not name.startswith(AVERAGE)}


def with_average(names: Mapping[str, T]) -> dict[str, T]:
    """Return the entries with the encoder's also under the names of the moving average."""
    return {
        **names,
        **{
            f"{AVERAGE}{name[len(ENCODER) :]}": names[name]
            for name in names
            if name.startswith(ENCODER)
        },
    }


def lacks_average(config: TrainConfig, names: Mapping[str, T]) -> bool:
    """Whether a model that keeps an average is stored without one: it equals the encoder."""
    return config.model.average and not any(name.startswith(AVERAGE) for name in names)


def whole_hash(path: Path, digest: str, config: TrainConfig) -> str:
    """Return the SHA-256, hex, of the file without omissions; `digest` is that of the file itself.

    CheckpointError where a file that may lack its average is no safetensors file.
    """
    if not config.model.average:
        return digest
    data = path.read_bytes()
    try:
        deserialize(data)  # from here on the header is known to be sound
    except SafetensorError as error:
        raise CheckpointError(
            f"{path} is not a readable safetensors file; it may be cut short ({error})."
        ) from error
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    metadata = header.pop("__metadata__", None)
    return (
        hashlib.sha256(_written(with_average(header), metadata, data[8 + length :])).hexdigest()
        if lacks_average(config, header)
        else digest
    )


def _written(
    tensors: dict[str, dict[str, Any]], metadata: dict[str, str] | None, data: bytes
) -> bytes:
    """Write a safetensors file as the library does: by type, then by name, without gaps."""
    in_order = sorted(tensors.values(), key=lambda entry: entry["data_offsets"])
    kinds = list(dict.fromkeys(entry["dtype"] for entry in in_order))
    header: dict[str, object] = {} if metadata is None else {"__metadata__": metadata}
    parts, end = [], 0
    for name, entry in sorted(
        tensors.items(), key=lambda item: (kinds.index(item[1]["dtype"]), item[0])
    ):
        part = data[slice(*entry["data_offsets"])]
        header[name] = {**entry, "data_offsets": [end, end + len(part)]}
        parts.append(part)
        end += len(part)
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    return b"".join([struct.pack("<Q", len(text)), text, *parts])
