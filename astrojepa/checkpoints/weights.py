"""Weights from untrusted files: bounded, checked against the architecture, never unpickled."""

from __future__ import annotations

import hashlib
import pickle
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from torch import Tensor

from astrojepa.checkpoints.card import check_size
from astrojepa.checkpoints.errors import CheckpointError
from astrojepa.config import TrainConfig
from astrojepa.models.encoders.registry import check_encoder
from astrojepa.models.jepa import JEPA
from astrojepa.wording import one_line

MAX_HEADER_BYTES = 10_000_000
MAX_PARAMETERS = 1_000_000_000
ZIP_BEGINNING = b"PK\x03\x04"


def build_network(config: TrainConfig, device: torch.device, seed: int = 0) -> JEPA:
    """Build a config's network with random weights from `seed`; torch's generator is untouched.

    CheckpointError if it has more parameters than any model here should.
    """
    model = config.model
    check_encoder(config)
    blocks = 12 * (
        2 * model.depth * model.width**2 + model.predictor_depth * model.predictor_width**2
    )
    if blocks > MAX_PARAMETERS:
        raise CheckpointError(
            f"The config describes about {blocks:,} parameters; at most {MAX_PARAMETERS:,} are "
            f"accepted."
        )
    if device.type == "meta":
        with device:
            return JEPA(config.image, model)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return JEPA(config.image, model).to(device)


def restore_network(
    config: TrainConfig, state: dict[str, Tensor], source: str | Path, device: torch.device
) -> JEPA:
    """Build the network and fill it; names, shapes and finiteness are checked first."""
    if not isinstance(state, dict) or not all(
        isinstance(value, Tensor) for value in state.values()
    ):
        raise CheckpointError(
            f"{source} holds no tensors by name where its network should be; it is damaged or of "
            f"another kind."
        )
    expected = build_network(config, torch.device("meta")).state_dict()
    missing, extra = sorted(expected.keys() - state.keys()), sorted(state.keys() - expected.keys())
    if missing or extra:
        raise CheckpointError(
            f"{source} does not fit its architecture: {len(missing)} tensors missing (first: "
            f"{missing[:3]}), {len(extra)} unknown "
            f"(first: {extra[:3]}). It belongs to another architecture or version."
        )
    for key, value in state.items():
        if value.shape != expected[key].shape:
            raise CheckpointError(
                f"{source} holds {key} with shape {tuple(value.shape)}, but its architecture needs "
                f"{tuple(expected[key].shape)}."
            )
        if (
            value.layout != torch.strided
            or value.is_quantized
            or value.is_complex()
            or value.is_meta
        ):
            raise CheckpointError(
                f"{source} holds {key} as {value.layout}, {value.dtype}; expected plain numbers. "
                f"Export it again."
            )
        if not bool(torch.isfinite(value.float()).all()):
            raise CheckpointError(
                f"{source} holds values in {key} that are not finite numbers; the file is damaged."
            )
    network = build_network(config, device)
    network.load_state_dict(state)
    return network


def read_pickled(path: str | Path, *, older: bool = False) -> dict[str, Any]:
    """Read a .pt or .pth with tensors and plain values only; code inside is refused, never run.

    With `older` files of torch before 1.6, which are no archives, are read too.
    """
    path = Path(path)
    check_size(path)
    if not older:
        _check_archive(path)
    try:
        with torch.serialization.safe_globals(_numpy_scalars()):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"{path} holds Python objects beside tensors and numbers; it was not opened, because "
            f"such a file can run code."
        ) from error
    # torch raises RuntimeError, struct.error, KeyError, AssertionError, ... for damaged files
    except Exception as error:
        first = one_line((str(error).splitlines() or [""])[0], 120)
        raise CheckpointError(
            f"{path} is not a readable checkpoint; it may be cut short ({type(error).__name__}: "
            f"{first})."
        ) from error
    if not isinstance(content, dict):
        raise CheckpointError(
            f"{path} holds a {type(content).__name__}, expected the dictionary that train.py "
            f"writes."
        )
    return content


def read_safetensors(path: Path) -> tuple[dict[str, Tensor], str]:
    """Read a .safetensors file and its SHA-256; CheckpointError if it is damaged or none."""
    check_size(path)
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    if length > min(len(data) - 8, MAX_HEADER_BYTES):
        raise CheckpointError(
            f"{path} is no safetensors file or cut short: its header claims {length:,} of "
            f"{len(data):,} bytes."
        )
    try:
        return load_tensors(data), hashlib.sha256(data).hexdigest()
    except SafetensorError as error:
        raise CheckpointError(
            f"{path} is not a readable safetensors file; it may be cut short ({error})."
        ) from error


def _check_archive(path: Path) -> None:
    """Refuse what is not an uncompressed zip archive as torch.save writes it."""
    try:
        with path.open("rb") as stream, zipfile.ZipFile(stream) as archive:
            stream.seek(0)
            whole = stream.read(len(ZIP_BEGINNING)) == ZIP_BEGINNING
            packed = any(item.compress_type != zipfile.ZIP_STORED for item in archive.infolist())
            declared = sum(item.file_size for item in archive.infolist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error):
        whole, packed, declared = False, False, 0
    if not whole:
        raise CheckpointError(
            f"{path} is not a readable checkpoint: expected the zip archive that torch.save "
            f"writes; it may be cut short."
        )
    if packed or declared > path.stat().st_size:
        raise CheckpointError(
            f"{path} is compressed or declares {declared:,} bytes in {path.stat().st_size:,}; "
            f"torch.save compresses nothing."
        )


def _numpy_scalars() -> list[Any]:
    """List the numpy scalar types allowed in a .pth config, under names of numpy 1 and 2."""
    scalar = np._core.multiarray.scalar  # type: ignore[attr-defined]
    kinds = [
        np.dtypes.Float64DType,
        np.dtypes.Float32DType,
        np.dtypes.Int64DType,
        np.dtypes.Int32DType,
        np.dtypes.BoolDType,
    ]
    return [scalar, (scalar, "numpy.core.multiarray.scalar"), np.dtype, *kinds]
