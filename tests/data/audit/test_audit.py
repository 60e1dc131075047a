"""The audit: planted truths are found, all of them and nothing else."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from astrojepa.data import DataError, open_dataset
from astrojepa.data.audit.audit import audit, expected_leak, leaked_galaxies, traps
from astrojepa.data.audit.frame_faults import frame_faults
from astrojepa.data.audit.near_duplicates import near_pairs, small_frames
from astrojepa.data.audit.report import report_lines
from astrojepa.data.dataset import Dataset
from astrojepa.data.simulate.simulator import simulate

Make = Callable[..., Dataset]
ARCSEC = 1 / 3600


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """128 simulated galaxies: number 97 repeats an earlier one under another label."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASTROJEPA_CACHE", str(tmp_path_factory.mktemp("cache")))
        return simulate(128)


def pictures(data: Dataset, count: int) -> np.ndarray:
    """The first `count` pictures that are not planted duplicates of one another."""
    rows = np.flatnonzero(data.table["duplicate_of"] == "")[:count]
    return np.stack([data[int(row)].image for row in rows])


def through_jpeg(picture: np.ndarray, quality: int) -> np.ndarray:
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "JPEG", quality=quality)
    return np.asarray(Image.open(stream))


def pairs_of(groups: list[dict[str, list]]) -> set[frozenset[str]]:
    return {frozenset(group["ids"]) for group in groups}


def planted(data: Dataset) -> set[frozenset[str]]:
    original = data.table["duplicate_of"].to_numpy(dtype=str)
    return {
        frozenset((str(data.ids[row]), original[row])) for row in np.flatnonzero(original != "")
    }


def test_the_simulators_planted_duplicate_is_found_and_no_other(simulated: Dataset) -> None:
    found = audit(simulated)
    assert len(planted(simulated)) == 1
    assert (
        pairs_of(found["identical_pictures"])
        == pairs_of(found["label_conflicts"])
        == planted(simulated)
    )
    assert found["near_identical_pictures"] == found["same_galaxy"] == []
    assert found["leaks"]["random_expected"] == pytest.approx(
        2 * 13 / 128 * (1 - 12 / 127), abs=0.01
    )
    merging = simulated.labels == simulated.classes.index("Merging")
    north = (simulated.table["survey"][merging] == "north").sum()
    assert found["surveys"]["by_class"]["Merging"] == {
        "north": north,
        "south": merging.sum() - north,
    }
    json.dumps(found, allow_nan=False)


@pytest.mark.slow
def test_among_600_simulated_galaxies_every_duplicate_and_missing_band_is_found_and_nothing_else() -> (
    None
):
    data = simulate(600)
    found = audit(data)
    assert len(planted(data)) == 2
    assert (
        pairs_of(found["identical_pictures"]) == pairs_of(found["label_conflicts"]) == planted(data)
    )
    assert found["near_identical_pictures"] == []
    assert (
        found["frames"]["odd_band"]
        == data.ids[data.table["artefact"] == "missing band"].tolist()
        != []
    )
    assert found["frames"]["blank"] == found["frames"]["saturated"] == []


@pytest.mark.parametrize("quality", [75, 90])
def test_a_picture_turned_mirrored_noisy_and_saved_again_is_recognised(
    simulated: Dataset, make_data: Make, quality: int
) -> None:
    rng = np.random.default_rng(quality)
    originals = pictures(simulated, 100)
    copies = []
    for number, picture in enumerate(originals[:16]):
        turned = np.rot90(picture if number % 2 else picture[:, ::-1], number % 4)
        noisy = np.clip(turned + rng.normal(0, 3, turned.shape), 0, 255).round().astype(np.uint8)
        copies.append(through_jpeg(np.ascontiguousarray(noisy), quality))
    found = audit(make_data(images=np.concatenate((originals, copies))))
    assert pairs_of(found["near_identical_pictures"]) == {
        frozenset((str(n), str(100 + n))) for n in range(16)
    }
    assert found["identical_pictures"] == []


def test_a_picture_of_another_size_and_brighter_sky_is_recognised(
    simulated: Dataset, make_data: Make
) -> None:
    originals = pictures(simulated, 40)
    smaller = np.asarray(Image.fromarray(originals[7]).resize((96, 96)).resize((128, 128)))
    brighter = np.clip(originals[9].astype(int) + 12, 0, 255).astype(np.uint8)
    found = audit(make_data(images=np.concatenate((originals, [smaller, brighter]))))
    assert pairs_of(found["near_identical_pictures"]) == {
        frozenset(("7", "40")),
        frozenset(("9", "41")),
    }


def test_likeness_is_the_same_from_both_sides_and_best_first(
    simulated: Dataset, make_data: Make
) -> None:
    originals = pictures(simulated, 30)
    worse = [through_jpeg(originals[3], 60), through_jpeg(originals[5], 95)]
    frames = small_frames(make_data(images=np.concatenate((originals, worse))))
    pairs, likeness = near_pairs(frames, np.arange(32))
    assert pairs.tolist() == [[5, 31], [3, 30]]
    backwards, same = near_pairs(frames[::-1], np.arange(32))
    assert (31 - backwards[:, ::-1]).tolist() == pairs.tolist()
    np.testing.assert_allclose(same, likeness, atol=1e-5)
    assert likeness[0] > likeness[1] >= 0.82


def test_galaxies_of_one_shape_on_an_empty_sky_are_not_one_picture(make_data: Make) -> None:
    line = np.arange(64) - 31.5
    radius = np.hypot(line[None], line[:, None])

    def galaxy(size: float) -> np.ndarray:
        return np.repeat((255 * np.exp(-radius / size))[..., None], 3, axis=2).astype(np.uint8)

    images = np.stack([galaxy(size) for size in np.geomspace(2, 9, 12)])
    twin = through_jpeg(images[4], 95)
    found = audit(make_data(images=np.concatenate((images, [twin]))))
    assert pairs_of(found["near_identical_pictures"]) == {frozenset(("4", "12"))}


def test_many_copies_of_one_picture_are_one_group(simulated: Dataset, make_data: Make) -> None:
    originals = pictures(simulated, 20)
    images = np.concatenate((originals, np.repeat(originals[:1], 12, axis=0)))
    found = audit(make_data(images=images))
    assert [group["rows"] for group in found["identical_pictures"]] == [[0, *range(20, 32)]]
    assert found["near_identical_pictures"] == []


def test_blank_frames_are_named_and_are_nobodys_duplicates(make_data: Make) -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (7, 40, 40, 1), dtype=np.uint8).repeat(3, axis=3)
    images[:3] = 17
    images[2, 20, 20] = 22  # nearly constant
    found = audit(make_data(images=images, labels=np.array([0, 1, 2, 0, 0, 0, 0])))
    assert found["frames"] == {"blank": ["0", "1", "2"], "saturated": [], "odd_band": []}
    assert found["identical_pictures"] == found["label_conflicts"] == []


def test_frames_are_faulty_for_the_reason_that_is_given() -> None:
    line = np.arange(32) - 15.5
    light = 200 * np.exp(-(line[None] ** 2 + line[:, None] ** 2) / 40)
    sound = np.repeat(20 + light[..., None], 3, axis=2) * [1.0, 0.8, 0.6]
    missing, alone, washed_out = sound.copy(), sound.copy(), sound.copy()
    missing[..., 1] = 33
    alone[:10, :, 0] = 255  # a trail in one band, that has more light than the galaxy
    washed_out[:12] = 255
    frames = np.stack([sound, missing, alone, washed_out]).astype(np.uint8)
    found = frame_faults(frames)
    assert found["odd_band"].tolist() == [False, True, True, False]
    assert found["saturated"].tolist() == [False, False, True, True]
    assert not found["blank"].any()


def test_the_footprint_is_counted_by_class(make_data: Make) -> None:
    ra, dec = np.full(6, 180.0) + np.arange(6), np.array([40.0, 40, 40, 0, 0, np.nan])
    data = make_data(6, ra=ra, dec=dec, labels=np.array([0, 0, 1, 1, 1, -1]), images=noise(6))
    found = audit(data)["surveys"]
    assert found["known_by"] == "dec"
    assert found["by_class"] == {
        "a": {"": 0, "north": 2, "south": 0},
        "b": {"": 0, "north": 1, "south": 2},
        "": {"": 1, "north": 0, "south": 0},
    }


def noise(count: int) -> np.ndarray:
    return np.random.default_rng(count).integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)


def test_conflicts_are_labels_of_one_galaxy_and_not_of_neighbours(make_data: Make) -> None:
    ra = np.array([10.0, 10, 10, np.nan])
    dec = np.array([60, 60 + 2 * ARCSEC, 60 + 30 * ARCSEC, np.nan])
    data = make_data(
        4,
        images=noise(4),
        ra=ra,
        dec=dec,
        ids=np.array(list("abca")),
        labels=np.array([0, 1, 2, -1]),
    )
    found = audit(data)
    assert found["same_galaxy"] == [
        {"ids": ["a", "b", "a"], "rows": [0, 1, 3], "labels": ["a", "b", ""]}
    ]
    assert found["label_conflicts"] == found["same_galaxy"]
    assert found["within_60_arcsec"] == 3


def test_a_position_shared_by_many_is_a_trap(make_data: Make) -> None:
    data = make_data(20, ra=np.zeros(20), dec=np.zeros(20))
    assert "20 rows are at one place (ra 0, dec 0); leave unknown coordinates empty." in traps(data)


def test_the_expected_leak_is_what_random_splits_leak_on_average() -> None:
    rng = np.random.default_rng(1)
    groups = np.concatenate(
        (np.repeat(np.arange(20), 2), np.repeat(np.arange(20, 25), 4), np.arange(25, 165))
    )
    draws = []
    for _ in range(4000):
        tested = np.zeros(200, dtype=bool)
        tested[rng.permutation(200)[:20]] = True
        draws.append(leaked_galaxies(groups, tested))
    assert expected_leak(groups, 20) == pytest.approx(
        np.mean(draws), abs=4 * np.std(draws) / math.sqrt(4000)
    )
    assert expected_leak(np.arange(50), 5) == 0
    # a pair of two: one is tested, one is learned from
    assert expected_leak(np.array([0, 0]), 1) == 1


def test_galaxy10s_known_pairs_would_leak_about_forty_test_images() -> None:
    groups = np.concatenate((np.repeat(np.arange(220), 2), np.arange(220, 17_736 - 220)))
    assert expected_leak(groups, 1774) == pytest.approx(440 * 0.1 * 0.9, rel=0.01)


def test_the_datas_own_split_is_judged_by_pictures_too(make_data: Make) -> None:
    images = noise(10)
    images[9] = images[0]
    parts = np.array(["train"] * 6 + ["val"] * 2 + ["test"] * 2)
    leaks = audit(make_data(images=images, split_column=parts))["leaks"]
    assert (leaks["own_split"], leaks["own_test_galaxies"], leaks["own_leaked"]) == ("column", 2, 1)


def test_traps_are_said_in_sentences(make_data: Make) -> None:
    dec = np.linspace(-10, 30, 200)
    places = {"ra": np.linspace(0, 23, 200), "dec": dec}
    said = " ".join(traps(make_data(200, redshift=dec, labels=np.repeat([0, 1], 100), **places)))
    for words in (
        "redshift equals the declination in every row",
        "No right ascension is above 24",
        "sorted by class",
    ):
        assert words in said
    almost = dec.copy()
    almost[150] += 1e-4  # in a row whose redshift is possible
    sound = make_data(
        200, redshift=almost, labels=np.tile([0, 1], 100), ra=np.linspace(0, 359, 200), dec=dec
    )
    assert traps(sound) == [
        "1 redshifts are beyond 10; are they another column?"
    ] or "redshift equals" not in " ".join(traps(sound))


def test_the_report_shows_counts_and_the_first_examples_by_id(simulated: Dataset) -> None:
    text = "\n".join(report_lines(audit(simulated)))
    duplicate = int(np.flatnonzero(simulated.table["duplicate_of"] != "")[0])
    for words in (
        "128 SIMULATED galaxies",
        "1 group (2 galaxies): identical images",
        str(simulated.ids[duplicate]),
        "north ",
    ):
        assert words in text
    assert "Traps\n  none of those that are looked for" in text


def test_a_picture_that_cannot_be_read_is_named(write_folder: Callable[..., Path]) -> None:
    root = write_folder([{"file": f"{n}.png", "label": "a"} for n in range(4)])
    (root / "2.png").write_bytes((root / "2.png").read_bytes()[:60])
    with pytest.raises(DataError, match=r"2\.png"):
        audit(open_dataset(root))


def test_progress_counts_every_picture(make_data: Make) -> None:
    heard: list[tuple[int, int]] = []
    audit(
        make_data(images=noise(300)), progress=lambda done, total, text: heard.append((done, total))
    )
    assert heard[-1] == (300, 300)


@pytest.mark.real
@pytest.mark.slow
def test_the_audit_of_the_real_galaxies_finds_the_galaxies_that_are_there_twice(
    real_galaxies: Path,
) -> None:
    twins = {
        frozenset(("PGC0048441", "PGC0048446")),
        frozenset(("PGC0022802", "587727866183155724")),
        frozenset(("PGC0049747", "images/msub_GZ2_00078.jpg")),
    }
    data = open_dataset(real_galaxies)
    among = np.isin(data.ids, list(frozenset.union(*twins))) | (np.arange(len(data)) % 8 == 0)
    found = audit(data.subset(among))
    assert pairs_of(found["near_identical_pictures"]) == twins
    assert found["identical_pictures"] == found["frames"]["blank"] == []
