"""A pack: the same galaxies in small, opened like any folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import astrojepa as aj
from astrojepa.cli import main
from astrojepa.data import DataError, open_dataset
from astrojepa.data.crops import resize_frame
from astrojepa.data.dataset import Dataset
from astrojepa.data.pack import pack

Make = Callable[..., Dataset]


@pytest.fixture
def galaxies(make_data: Make) -> Dataset:
    rng = np.random.default_rng(0)
    smooth = np.repeat(
        np.repeat(rng.integers(0, 256, (40, 6, 6, 3), dtype=np.uint8), 8, axis=1), 8, axis=2
    )
    labels = np.arange(40) % 4 - 1
    table = pd.DataFrame({"survey": ["north", "south, far"] * 20, "label": ["x"] * 40})
    return make_data(
        images=smooth,
        labels=labels,
        ra=np.linspace(0, 359, 40),
        dec=np.full(40, np.nan),
        table=table,
    )


def test_everything_known_of_a_galaxy_is_known_of_its_copy(
    galaxies: Dataset, tmp_path: Path
) -> None:
    copy = open_dataset(str(pack(galaxies, tmp_path / "small", 16)))
    assert copy.ids.tolist() == galaxies.ids.tolist()
    assert copy.classes == galaxies.classes
    for name in ("labels", "ra", "dec", "redshift"):
        assert np.array_equal(getattr(copy, name), getattr(galaxies, name), equal_nan=True), name
    assert copy.table["survey"].tolist() == galaxies.table["survey"].tolist()


def test_pictures_are_reduced_and_never_enlarged(galaxies: Dataset, tmp_path: Path) -> None:
    small, same = (
        open_dataset(str(pack(galaxies, tmp_path / str(size), size))) for size in (24, 100)
    )
    assert small[3].image.shape == (24, 24, 3)
    assert same[3].image.shape == (48, 48, 3)
    gap = small[3].image.astype(int) - resize_frame(galaxies[3].image, 24)
    assert np.abs(gap).mean() < 4, "JPEG loses little"


@pytest.mark.parametrize("format", ["jpeg", "webp"])
def test_a_pack_is_opened_as_pillow_decodes_it_and_quality_costs_room(
    format: str, galaxies: Dataset, tmp_path: Path
) -> None:
    sizes = []
    for quality in (95, 60):
        folder = pack(galaxies, tmp_path / str(quality), 32, format=format, quality=quality)
        copy, files = open_dataset(str(folder)), sorted(folder.glob("images/*/*"))
        assert len(files) == len(copy) == 40
        for row in (0, 17):
            np.testing.assert_array_equal(copy[row].image, np.array(Image.open(files[row])))
        sizes.append(sum(path.stat().st_size for path in files))
    assert sizes[0] > sizes[1]


def test_the_default_split_is_written_down(galaxies: Dataset, tmp_path: Path) -> None:
    copy = open_dataset(str(pack(galaxies, tmp_path / "small", 16)))
    for own, packed in zip(aj.split(galaxies), aj.split(copy, "column"), strict=True):
        assert sorted(own.ids) == sorted(packed.ids)


def test_a_split_column_stays_as_it_is(make_data: Make, tmp_path: Path) -> None:
    names = np.array(["train", "test"] * 3)
    data = make_data(images=np.zeros((6, 20, 20, 3), np.uint8), split_column=names)
    copy = open_dataset(str(pack(data, tmp_path / "small", 16)))
    assert copy.split_column is not None
    assert copy.split_column.tolist() == names.tolist()


def test_a_picture_that_cannot_be_read_leaves_nothing_behind(
    galaxies: Dataset, tmp_path: Path, monkeypatch
) -> None:
    def broken(row: int) -> np.ndarray:
        raise DataError(f"picture {row} is damaged")

    monkeypatch.setattr(galaxies.reader, "read", broken)
    with pytest.raises(DataError, match="is damaged"):
        pack(galaxies, tmp_path / "small")
    assert [path.name for path in tmp_path.iterdir()] in ([], ["cache"])


def test_simulated_galaxies_wrong_sizes_and_existing_folders_are_refused(
    galaxies: Dataset, tmp_path: Path, capsys
) -> None:
    with pytest.raises(ValueError, match="size is 8; choose 16 to 1024"):
        pack(galaxies, tmp_path / "small", 8)
    with pytest.raises(ValueError, match="no format 'gif'; choose jpeg or webp"):
        pack(galaxies, tmp_path / "small", format="gif")
    with pytest.raises(ValueError, match="quality is 0; choose 1 to 100"):
        pack(galaxies, tmp_path / "small", quality=0)
    with pytest.raises(FileExistsError, match="exists already; name a new folder"):
        pack(galaxies, tmp_path)
    assert main(["data", "pack", "--data", "simulated:20", "--out", str(tmp_path / "small")]) == 2
    assert "would pass for real ones" in capsys.readouterr().err
