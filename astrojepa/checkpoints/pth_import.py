"""Read the .pth files of the first published AstroJEPA models.

Source: the layout of the AstroJEPA capstone project's MiniJEPA: one patch embedding for both
encoders, learned positions, pre-norm nn.TransformerEncoder layers with ReLU, no class token, a
predictor as wide as the encoder that has no linear layers of its own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from astrojepa.config import TrainConfig, replace

_LAYER = {
    "self_attn.in_proj_weight": "attn.qkv.weight",
    "self_attn.in_proj_bias": "attn.qkv.bias",
    "self_attn.out_proj.weight": "attn.proj.weight",
    "self_attn.out_proj.bias": "attn.proj.bias",
    "linear1.weight": "mlp.fc1.weight",
    "linear1.bias": "mlp.fc1.bias",
    "linear2.weight": "mlp.fc2.weight",
    "linear2.bias": "mlp.fc2.bias",
    "norm1.weight": "norm1.weight",
    "norm1.bias": "norm1.bias",
    "norm2.weight": "norm2.weight",
    "norm2.bias": "norm2.bias",
}


def convert(content: dict[str, Any], path: Path) -> tuple[TrainConfig, dict[str, Tensor]]:
    """Translate a .pth dictionary to a config and a state; ValueError names what is missing.

    The predictor's two linear layers, which the file does not have, become identities, so that
    predictions are exactly theirs.
    """
    config = _config(content, path)
    state = content["model_state_dict"]
    if not isinstance(state, dict) or not all(
        isinstance(value, Tensor) for value in state.values()
    ):
        raise ValueError(f"{path}: model_state_dict must map names to tensors.")
    result: dict[str, Tensor] = {}
    for ours, theirs in (
        ("encoder", "context_encoder"),
        ("target_encoder", "target_encoder"),
        ("predictor", "predictor"),
    ):
        blocks = f"{ours}.blocks" if ours == "predictor" else f"{ours}.vit.blocks"
        norm = f"{ours}.norm" if ours == "predictor" else f"{ours}.vit.norm"
        depth = config.model.predictor_depth if ours == "predictor" else config.model.depth
        result[f"{ours}.positions.table"] = _take(state, f"{theirs}.pos_embed", path)
        for part in ("weight", "bias"):
            result[f"{norm}.{part}"] = _take(state, f"{theirs}.norm.{part}", path)
        for index in range(depth):
            for old, new in _LAYER.items():
                result[f"{blocks}.{index}.{new}"] = _take(
                    state, f"{theirs}.blocks.layers.{index}.{old}", path
                )
        if ours != "predictor":
            for part in ("weight", "bias"):
                result[f"{ours}.vit.patch_embed.proj.{part}"] = _take(
                    state, f"patch_embed.proj.{part}", path
                )
    width = config.model.width
    result["predictor.mask_token"] = _take(state, "mask_token", path)
    for name in ("embed", "out"):
        result[f"predictor.{name}.weight"] = torch.eye(width)
        result[f"predictor.{name}.bias"] = torch.zeros(width)
    return config, result


def _config(content: dict[str, Any], path: Path) -> TrainConfig:
    source = content.get("config")
    names = {
        "img_size": "image_size",
        "patch_size": "patch_size",
        "embed_dim": "width",
        "num_heads": "heads",
        "enc_depth": "depth",
        "pred_depth": "predictor_depth",
    }
    if not isinstance(source, dict) or not names.keys() <= source.keys():
        found = sorted(map(str, source)) if isinstance(source, dict) else type(source).__name__
        raise ValueError(
            f"{path} has no usable config: expected {', '.join(names)}, found {found}."
        )
    sizes = {ours: int(source[theirs]) for theirs, ours in names.items()}
    crop = int(source.get("center_crop_size", 224))
    return replace(
        TrainConfig(preset="imported"),
        **sizes,
        predictor_width=sizes["width"],
        predictor_heads=sizes["heads"],
        projector_width=0,
        activation="relu",
        position="learned",
        target_norm=False,
        normalization="fixed",
        crop_fraction=min(1.0, max(0.1, crop / 256)),
        target_scale=(0.04, 0.09),
        target_aspect=(0.66, 1.5),
        context_scale=(0.25, 0.5),
        context_fraction=0.15,
        sigreg_weight=0.0,
    )


def _take(state: dict[str, Tensor], key: str, path: Path) -> Tensor:
    if key not in state:
        raise ValueError(
            f"{path} has no tensor {key!r} (found {len(state)}, first: {sorted(state)[:3]}); it is "
            f"of another architecture."
        )
    return state[key]
