"""The simulator as a whole: what a simulated data set holds, its cache, its helpers and its
error sentences.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from astrojepa.data.dataset import Dataset
from astrojepa.data.simulate import workers as simulate_workers
from astrojepa.data.simulate.census import (
    ARTEFACTS,
    CLASS_COUNTS,
    CLASSES,
    KINDS,
    RARE_LABELS,
    take_census,
)
from astrojepa.data.simulate.simulator import SIMULATOR_VERSION, simulate
from astrojepa.data.simulate.stamp import TRUTHS


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASTROJEPA_CACHE", str(tmp_path))


@pytest.fixture(scope="module")
def hundred(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASTROJEPA_CACHE", str(tmp_path_factory.mktemp("cache")))
        return simulate(120, seed=3, size=32)


def pictures(data: Dataset) -> np.ndarray:
    return np.stack([data[row].image for row in range(len(data))])


def by_id(data: Dataset) -> dict[str, np.ndarray]:
    return {str(data.ids[row]): data[row].image for row in range(len(data))}


def test_a_simulated_data_set_says_so_and_has_no_coordinates(hundred: Dataset) -> None:
    galaxy = hundred[0]
    assert hundred.simulated
    assert hundred.name == "simulated galaxies"
    assert hundred.split_column is None
    assert galaxy.image.shape == (32, 32, 3)
    assert galaxy.image.dtype == np.uint8
    assert galaxy.ra is galaxy.dec is galaxy.redshift is None
    assert np.isnan(hundred.ra).all()
    assert np.isnan(hundred.redshift).all()
    assert galaxy.id.startswith("sim-3-")
    assert len(set(hundred.ids)) == len(hundred) == 120


def test_the_table_holds_the_true_parameters_and_nan_where_they_do_not_apply(
    hundred: Dataset,
) -> None:
    table = hundred.table
    assert list(table.columns[:4]) == ["kind", "artefact", "survey", "duplicate_of"]
    assert set(table.columns) == {"kind", "artefact", "duplicate_of", *TRUTHS}
    assert set(table.survey) == {"south", "north"}
    tight, loose = (
        table.pitch_deg[table.kind == f"unbarred {word} spiral"] for word in ("tight", "loose")
    )
    assert tight.between(7, 14).all()
    assert loose.between(20, 38).all()
    assert (table.bar_strength[table.kind == "barred spiral"] > 0).all()
    assert table.pitch_deg[table.kind.str.contains("smooth|edge-on")].isna().all()
    assert (table.inclination_deg[table.kind.str.startswith("edge-on")] == 90).all()
    for column in ("psf_fwhm_arcsec", "snr", "half_light_radius_px", "arcsec_per_pixel"):
        assert (table[column] > 0).all()


def test_any_hundred_galaxies_hold_all_classes() -> None:
    for seed in range(20):
        assert set(take_census(100, seed).labels) == set(range(10))


def test_class_frequencies_are_those_of_galaxy10_decals() -> None:
    total = sum(CLASS_COUNTS.values())
    counts = np.bincount(take_census(total, 0).labels, minlength=10)
    assert total == 17736
    assert np.abs(counts - np.array(list(CLASS_COUNTS.values()))).max() < 0.002 * total


def test_rare_kinds_and_artefacts_are_half_a_percent_each_and_independent() -> None:
    census = take_census(20_000, 1)
    for kind, label in RARE_LABELS.items():
        chosen = (census.kinds == KINDS.index(kind)) & ~census.duplicated
        assert 90 <= chosen.sum() <= 110
        assert (census.labels[chosen] == label).all()
    for artefact in range(1, len(ARTEFACTS)):
        labels = census.labels[census.artefacts == artefact]
        assert 90 <= len(labels) <= 110
        assert len(set(labels)) >= 9


def test_a_longer_simulation_begins_with_the_same_galaxies(hundred: Dataset) -> None:
    short, long = take_census(400, 5), take_census(900, 5)
    for name in ("labels", "kinds", "artefacts", "originals"):
        np.testing.assert_array_equal(getattr(short, name), getattr(long, name)[:400])
    few, many = by_id(simulate(12, seed=3, size=32)), by_id(hundred)
    for name, image in few.items():
        np.testing.assert_array_equal(image, many[name])


def test_the_order_is_shuffled(hundred: Dataset) -> None:
    numbers = np.array([int(name.rsplit("-")[-1]) for name in hundred.ids])
    assert abs(np.corrcoef(numbers, np.arange(len(numbers)))[0, 1]) < 0.4
    assert len(set(hundred.labels[:20])) > 4


def test_a_duplicate_shows_the_same_pixels_under_another_label(hundred: Dataset) -> None:
    rows = np.flatnonzero(hundred.table.duplicate_of != "")
    assert len(rows) == 1
    original = int(np.flatnonzero(hundred.ids == hundred.table.duplicate_of[rows[0]])[0])
    copy, first = hundred[int(rows[0])], hundred[original]
    np.testing.assert_array_equal(copy.image, first.image)
    assert copy.label != first.label
    assert copy.id != first.id
    assert hundred.table.snr[rows[0]] == hundred.table.snr[original]


def test_about_three_in_a_thousand_are_duplicates_and_none_of_a_duplicate() -> None:
    census = take_census(10_000, 2)
    assert census.duplicated.sum() == 30
    assert not census.duplicated[census.originals].any()
    assert (census.originals <= np.arange(10_000)).all()


def test_the_same_seed_gives_the_same_pixels_and_another_seed_others(
    hundred: Dataset, tmp_path: Path
) -> None:
    again, other = simulate(120, seed=3, size=32), simulate(20, seed=4, size=32)
    np.testing.assert_array_equal(pictures(again), pictures(hundred))
    assert again.fingerprint == hundred.fingerprint
    assert again.table.equals(hundred.table)
    assert not np.array_equal(pictures(other), pictures(hundred)[:20])


@pytest.mark.slow
def test_one_process_and_two_draw_the_same_files(tmp_path: Path) -> None:
    for processes in (1, 2):
        steps: list[int] = []
        paths = tmp_path / f"pictures{processes}.npy", tmp_path / f"truths{processes}.npy"
        simulate_workers.draw_stamps(*paths, 40, 9, 48, processes, steps.append)
        assert steps[-1] == 40
    for kind in ("pictures", "truths"):
        assert (tmp_path / f"{kind}1.npy").read_bytes() == (tmp_path / f"{kind}2.npy").read_bytes()


@pytest.mark.slow
def test_helpers_work_from_a_thread_of_a_script_without_a_main_guard(tmp_path: Path) -> None:
    script = tmp_path / "unguarded.py"
    script.write_text(
        "import threading\n"
        "from astrojepa.data.simulate import workers\n"
        "from astrojepa.data.simulate.simulator import simulate\n"
        "workers.SMALL = 1\n"
        "thread = threading.Thread(target=lambda: print(len(simulate(60, size=32)), 'drawn'))\n"
        "thread.start(); thread.join()\n"
    )
    root = str(Path(__file__).resolve().parents[3])
    result = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": root},
    )
    assert result.stdout == "60 drawn\n", result.stderr


def test_two_threads_may_simulate_the_same_galaxies_at_once() -> None:
    results: list[Dataset] = []
    threads = [
        threading.Thread(target=lambda: results.append(simulate(10, seed=8, size=32)))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_array_equal(pictures(results[0]), pictures(results[1]))


def test_a_helper_that_dies_stops_the_simulation_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(OSError, match=r"Expected galaxies \d+ to \d+ from a helper process"):
        simulate_workers.draw_stamps(
            tmp_path / "p.npy", tmp_path / "t.npy", 60, 0, 32, 2, lambda done: None
        )


def test_a_progress_callable_hears_of_every_galaxy_and_may_stop_the_work(tmp_path: Path) -> None:
    heard: list[tuple[int, int, str]] = []
    simulate(60, seed=1, size=32, progress=lambda *state: heard.append(state))
    assert [done for done, _, _ in heard] == [25, 50, 60]
    assert {(total, text) for _, total, text in heard} == {(60, "simulating galaxies")}

    def stop(done: int, total: int, text: str) -> None:
        raise InterruptedError("enough")

    with pytest.raises(InterruptedError):
        simulate(50, seed=2, size=32, progress=stop)
    assert {path.name for path in tmp_path.iterdir()} == {
        f"simulated-60-1-32-v{SIMULATOR_VERSION}{suffix}" for suffix in (".npy", ".npz")
    }


def test_the_second_call_opens_the_cache_without_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    first = simulate(8, size=32)
    monkeypatch.setattr("astrojepa.data.simulate.simulator.draw_stamps", None)
    second = simulate(8, size=32)
    np.testing.assert_array_equal(pictures(first), pictures(second))
    assert not list(Path(second.reader.path).parent.glob(".simulating-*"))  # type: ignore[attr-defined]


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".npy", ".npz"])
@pytest.mark.parametrize("keep", [0.0, 0.1, 0.9])
def test_a_cache_cut_short_is_noticed_and_drawn_again(
    tmp_path: Path, suffix: str, keep: float
) -> None:
    before = pictures(simulate(8, size=32))
    (path,) = tmp_path.glob(f"simulated-*{suffix}")
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content))])
    np.testing.assert_array_equal(pictures(simulate(8, size=32)), before)
    assert path.stat().st_size == len(content)


def test_stamps_are_copies_and_the_reader_survives_pickling(hundred: Dataset) -> None:
    import pickle

    image = hundred[0].image
    image[:] = 0
    assert hundred[0].image.any()
    again = pickle.loads(pickle.dumps(hundred))
    np.testing.assert_array_equal(again[5].image, hundred[5].image)


@pytest.mark.parametrize("count", [0, -1, 1_000_001, 2.5, True])
def test_a_count_out_of_bounds_is_refused_with_a_sentence(count: int) -> None:
    with pytest.raises(
        ValueError,
        match=r"Expected a whole number from 1 to 1,000,000 as count .*, found .*\. Choose another",
    ):
        simulate(count)


@pytest.mark.parametrize("size", [31, 513])
def test_a_size_out_of_bounds_is_refused_with_a_sentence(size: int) -> None:
    with pytest.raises(
        ValueError,
        match=r"Expected a whole number from 32 to 512 as size .*, found .*\. Choose another",
    ):
        simulate(5, size=size)


def test_a_negative_seed_is_refused_with_a_sentence() -> None:
    with pytest.raises(
        ValueError, match=r"Expected a whole number of at least 0 as seed .*, found -1"
    ):
        simulate(5, seed=-1)


def test_a_disk_too_small_is_refused_before_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    import shutil

    monkeypatch.setattr(shutil, "disk_usage", lambda path: type("Usage", (), {"free": 1000})())
    with pytest.raises(
        OSError, match=r"Expected .* GB of free disk for 50 stamps .*, found 0.0 GB. Ask for fewer"
    ):
        simulate(50, size=32)


def test_the_classes_have_the_names_of_galaxy10() -> None:
    assert CLASSES[0] == "Disturbed"
    assert CLASSES[9] == "Edge-on with Bulge"
    assert len(CLASSES) == 10


@pytest.mark.slow
def test_a_thousand_stamps_come_with_the_promised_frequencies() -> None:
    data = simulate(1000, size=32)
    shares = np.bincount(data.labels, minlength=10) / len(data)
    expected = np.array(list(CLASS_COUNTS.values())) / sum(CLASS_COUNTS.values())
    assert np.abs(shares - expected).max() < 0.01
    assert len(data.table[data.table.kind == "ring"]) in range(3, 8)
    assert len(data.table[data.table.kind == "lens"]) in range(3, 8)
    for artefact in ARTEFACTS[1:]:
        assert (data.table.artefact == artefact).sum() in range(3, 8)
    assert (data.table.duplicate_of != "").sum() == 3
