"""Settings: declared once, bounded, rebuilt from JSON exactly or refused."""

from __future__ import annotations

import hashlib
import json

import pytest

from astrojepa.cli.train import config_from, train_parser
from astrojepa.config import ObjectiveConfig, TrainConfig, flags, replace
from astrojepa.presets import ALIASES, PRESETS, PUBLISHED, default_preset, preset


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_survives_json(name):
    config = PRESETS[name]
    assert TrainConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_every_setting_has_one_flag_with_help():
    names = [flag for flag, *_ in flags()]
    assert len(names) == len(set(names))
    assert "--lambda" in names
    assert all(item.metadata["help"] for _, _, item, _ in flags())


def test_flags_change_exactly_the_settings_they_name():
    options = train_parser().parse_args(
        [
            "--lambda",
            "0.3",
            "--no-rotate",
            "--target-scale",
            "0.1",
            "0.2",
            "--where",
            "a=b",
            "--where",
            "c=d",
        ]
    )
    expected = replace(
        default_preset("cpu"),
        sigreg_weight=0.3,
        rotate=False,
        target_scale=(0.1, 0.2),
        where=("a=b", "c=d"),
    )
    assert config_from(options, "cpu") == expected


def test_the_default_preset_is_small_on_a_cpu_and_the_published_model_on_a_gpu():
    assert default_preset("cpu").preset == "small.sigreg06"
    assert default_preset("cuda").preset == "vit5m.sigreg06"


def test_aliases_and_published_numbers_name_presets():
    assert set(PUBLISHED) < set(ALIASES.values()) <= set(PRESETS)
    assert preset("model4") is PRESETS["vit25m.sigreg06"]


@pytest.mark.parametrize(
    ("weight", "scale", "rho"),
    [(0.6, "mean", 1.5), (0.01, "mean", 0.01 / 0.99), (0.6, "count", 384.0), (1.0, "mean", None)],
)
def test_strength_follows_its_formula(weight, scale, rho):
    found = ObjectiveConfig(sigreg_weight=weight, sigreg_scale=scale).strength(256)
    assert found is None if rho is None else found == pytest.approx(rho)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"model": {"widht": 3}}, "config.model has unknown settings widht"),
        ({"model": {"width": "192"}}, "config.model.width must be int, found '192'"),
        ({"model": {"width": True}}, "config.model.width must be int, found True"),
        ({"optim": {"rotate": 1}}, "config.optim.rotate must be bool, found 1"),
        ({"mask": {"target_scale": [0.1]}}, "config.mask.target_scale needs 2 values, found 1"),
        (
            {"objective": {"sigreg_weight": float("nan")}},
            r"`sigreg_weight` is nan; it must lie in \[0, 1\]",
        ),
        ({"image": 7}, "config.image must be an object"),
    ],
)
def test_a_config_that_does_not_fit_is_refused_by_name(values, message):
    with pytest.raises(ValueError, match=message):
        TrainConfig.from_dict(values)


def test_an_unknown_setting_is_refused():
    with pytest.raises(ValueError, match=r"There is no setting 'depht'; did you mean depth"):
        replace(TrainConfig(), depht=3)


@pytest.mark.parametrize(
    ("name", "value"), [("readout", "stages"), ("orientations", 8), ("scales", 3)]
)
def test_a_later_setting_is_written_where_it_is_not_the_usual_one_and_read_either_way(name, value):
    usual = TrainConfig()
    assert name not in usual.to_dict()["model"]
    recipe = preset("small.lejepa")
    other = replace(recipe, backbone="resnet18", **{name: value})
    for config in (usual, other):
        assert TrainConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    assert other.to_dict()["model"][name] == value


HASHES = {  # of the recipes as the first version of configs had them
    "vit5m.ijepa-100ep": "3c8ee6641099d9f2",
    "vit5m.ijepa-300ep": "86d03060f68d0099",
    "vit5m.sigreg06": "c75dc2d11765e68b",
    "vit5m.sigreg06-asrun": "8b04afc5d02cffbd",
    "vit25m.sigreg06": "f6a8ae341322119d",
    "vit25m.sigreg001": "9c8a436cd9c21e3d",
    "small.ijepa": "444736fd1b8ed747",
    "small.sigreg06": "cb958e5e0797753b",
    "small5m.ijepa": "b40a0135ee4b3763",
    "small5m.sigreg06": "758bcd657973aee9",
    "vit5m.lejepa": "6967edc566dce0a9",
    "resnet18.lejepa": "815c81ddfa7bd8b4",
    "small.lejepa": "37073d099d97636d",
    "smallresnet10t.lejepa": "b6428f00ec5a451e",
    "smallresnet10t.rings": "fc2ed4514f05f008",
}


@pytest.mark.parametrize("name", HASHES)
def test_a_recipe_keeps_the_hash_it_had_before_settings_were_added(name):
    text = json.dumps(preset(name).to_dict(), sort_keys=True)
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == HASHES[name]


def test_a_new_setting_with_its_default_changes_no_hash():
    later = [item for _, _, item, _ in flags() if item.metadata["since"] > 1]
    assert {"readout", "sigreg_on", "telescope", "precision"} <= {item.name for item in later}
    written = json.dumps(TrainConfig().to_dict())
    assert not [item.name for item in later if f'"{item.name}"' in written]
