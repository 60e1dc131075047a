"""The one door: which reader a source gets, and what is refused."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from astrojepa.data import DataError, find_data, open_dataset
from astrojepa.data.dataset import Dataset
from astrojepa.data.readers import registry

Write = Callable[..., Path]


def test_importing_the_package_loads_no_reader() -> None:
    heavy = "'torch', 'h5py', 'astropy', 'PIL', 'pandas'"
    code = f"import sys, astrojepa.data; print([name for name in ({heavy}) if name in sys.modules])"
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert made.stdout.strip() == "[]"


def test_an_explicit_path_that_is_missing_is_never_replaced(tmp_path: Path) -> None:
    for call in (find_data, open_dataset):
        with pytest.raises(
            FileNotFoundError, match=r"There is no data at .*nothing; give an HDF5 file"
        ):
            call(str(tmp_path / "nothing"))


def test_data_are_found_in_the_data_folder_else_simulated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_galaxy10: Write
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("astrojepa.data.TOP", tmp_path / "checkout")
    assert find_data() == "simulated"
    (tmp_path / "checkout" / "data").mkdir(parents=True)
    kept = write_galaxy10().rename(tmp_path / "checkout" / "data" / "Galaxy10_DECals.h5")
    assert Path(find_data()).resolve() == kept.resolve()
    (tmp_path / "data").mkdir()
    kept.rename(tmp_path / "data" / "Galaxy10_DECals.h5")
    assert len(open_dataset(find_data())) == 6
    assert find_data("simulated:5") == "simulated:5"


def test_hdf5_is_recognised_whatever_its_name(write_galaxy10: Write) -> None:
    assert len(open_dataset(write_galaxy10(name="galaxies.dat"))) == 6


def test_a_single_picture_or_text_is_not_a_data_set(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("file\na.png\n")
    with pytest.raises(
        DataError, match="is not a data set; expected one of: a folder of images, an HDF5 file"
    ):
        open_dataset(tmp_path / "labels.csv")


@pytest.mark.parametrize(
    ("option", "flag"), [({"where": {"a": "b"}}, "where"), ({"label_column": "a"}, "label_column")]
)
def test_choosing_columns_needs_a_folder(
    write_galaxy10: Write, option: dict[str, object], flag: str
) -> None:
    for source in (write_galaxy10(), "simulated:10"):
        with pytest.raises(DataError, match=f"{flag} chooses from the labels.csv of a folder"):
            open_dataset(source, **option)  # type: ignore[arg-type]


def test_empty_choices_are_no_choice(write_galaxy10: Write) -> None:
    assert len(open_dataset(write_galaxy10(), where=(), label_column="")) == 6


@pytest.mark.parametrize(
    "text",
    [
        "simulated:",
        "simulated:many",
        "simulated:1:2:3",
        "simulated:-5",
        "simulated:1.5",
        "simulated:٣",
    ],
)
def test_a_malformed_simulation_is_an_error(text: str) -> None:
    with pytest.raises(DataError, match=r"is not simulated\[:COUNT\[:SEED\]\] with whole numbers"):
        open_dataset(text)


@pytest.mark.parametrize("text", ["simulated:0", "simulated:2000000"])
def test_a_simulation_of_none_or_too_many_is_an_error(text: str) -> None:
    with pytest.raises(DataError, match="the simulator makes 1 to 1,000,000"):
        open_dataset(text)


def test_count_and_seed_of_a_simulation_are_followed() -> None:
    data = open_dataset("simulated:12:7")
    assert len(data) == 12
    assert data.simulated
    assert np.isnan(data.ra).all()
    assert open_dataset("simulated:12:8").fingerprint != data.fingerprint


def test_a_subset_is_a_view_in_the_order_given(make_data: Callable[..., Dataset]) -> None:
    data = make_data(5, labels=np.arange(5) - 1)
    assert data.subset([3, 1]).ids.tolist() == ["3", "1"]
    assert data.subset(data.labels >= 2).ids.tolist() == ["3", "4"]
    assert data.subset([3, 1]).id_hash == data.subset([1, 3]).id_hash
    assert data.subset([3, 1]).fingerprint != data.subset([1, 3]).fingerprint


def test_numbers_outside_the_data_are_an_index_error(make_data: Callable[..., Dataset]) -> None:
    data = make_data(5)
    assert data[-1].id == "4"
    with pytest.raises(IndexError, match="memory has 5 galaxies, there is no number 5"):
        data[5]


def test_a_format_is_added_in_one_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_data: Callable[..., Dataset]
) -> None:
    registry.find_reader("simulated")  # the others are known first
    monkeypatch.setattr(registry, "_READERS", dict(registry._READERS))

    @registry.reader("a list of names", lambda source: source.endswith(".names"), selects=True)
    def open_names(source: str, selection: registry.Selection, progress: object) -> Dataset:
        assert selection == registry.Selection({"source": "a"}, "kind", skip_corrupt=True)
        return make_data(len(Path(source).read_text().split()))

    (tmp_path / "three.names").write_text("a b c")
    data = open_dataset(
        tmp_path / "three.names", where=["source=a"], label_column="kind", skip_corrupt=True
    )
    assert len(data) == 3
    with pytest.raises(DataError, match="a list of names"):
        open_dataset(Path(__file__))
