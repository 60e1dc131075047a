"""The public names and what a script does with them, on simulated galaxies with random weights."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

import astrojepa as aj


def test_every_public_name_is_there_and_documented():
    for name in aj.__all__:
        assert getattr(aj, name).__doc__, name
    assert set(aj.__all__) <= set(dir(aj))
    with pytest.raises(AttributeError, match="has no attribute 'nope'"):
        _ = aj.nope


@pytest.mark.parametrize(
    "used",
    ["import astrojepa", "from astrojepa.cli import make_parser; make_parser().format_help()"],
)
def test_package_and_help_start_quickly_because_they_load_no_library_of_numbers(used):
    libraries = {"torch", "timm", "sklearn", "h5py", "pandas", "pyarrow", "scipy", "numpy"}
    code = f"{used}; import sys; print(sorted({libraries} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
def test_a_script_goes_from_galaxies_to_neighbours_scores_maps_and_patch_errors():
    data = aj.open_dataset("simulated:120")
    train, validation, test = aj.split(data, "grouped", seed=42)
    assert len(train) + len(validation) + len(test) == len(data)
    model = aj.load_model("random")
    known, new = aj.embed(model, train), aj.embed(model, test)
    assert known.vectors.dtype == np.float32
    assert known.vectors.shape == (len(train), model.width)
    assert known.classes == data.classes
    assert 0 <= aj.linear_probe(known, new).accuracy <= 1
    assert 0 <= aj.knn_probe(known, new, k=20).accuracy <= 1
    assert aj.anomaly_scores(new, reference=known, method="knn").shape == (len(test),)
    near = aj.neighbours(new, query=7, k=6)
    assert near.indices.shape == near.distances.shape == (6,)
    assert 7 not in near.indices
    assert aj.project(new, method="pca", seed=0).shape == (len(test), 2)
    errors = aj.patch_errors(model, data[7].image, masks="tiling", seed=0)
    assert errors.mse.shape == errors.cosine.shape == (8, 8)
    assert np.isfinite(errors.mse).all(), "tiling predicts every patch"
    galaxy = data[7]
    assert galaxy.image.dtype == np.uint8
    assert galaxy.redshift is None
    loss = aj.SIGReg(num_directions=256, t_max=5.0, num_knots=17, scale="mean")
    assert loss(torch.randn(64, 8), step=0).item() > 0
    masks = aj.sample_masks(
        torch.rand(2, 8, 8), aj.preset("model3").mask, torch.Generator().manual_seed(0)
    )
    assert masks.targets.shape[:2] == (2, 4)
