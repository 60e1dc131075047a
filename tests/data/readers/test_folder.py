"""Folders of pictures: labels.csv, class-named sub-folders, bare pictures; and what is refused."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from PIL import Image

from astrojepa.data import DataError, open_dataset
from astrojepa.data.catalogue import read_catalogue
from astrojepa.data.images import fits as fits_images
from astrojepa.data.readers.labels import unread_redshifts
from astrojepa.data.splits import split
from astrojepa.evaluation.probes.targets import target_values

Write = Callable[..., Path]
ROWS = [
    {
        "file": "b.png",
        "id": "G1",
        "morphology": "spiral",
        "source": "gz1",
        "ra": 10.5,
        "dec": -3.25,
        "split": "train",
    },
    {
        "file": "sub/a.jpg",
        "id": "",
        "morphology": "elliptical",
        "source": "gz2",
        "ra": "",
        "dec": "",
        "split": "test",
    },
    {
        "file": "c.png",
        "id": "G3",
        "morphology": "",
        "source": "gz1",
        "ra": "nan",
        "dec": "",
        "split": "val",
    },
]


def test_labels_csv_gives_one_galaxy_per_row_in_its_order(write_folder: Write) -> None:
    data = open_dataset(write_folder(ROWS))
    assert data.classes == ("elliptical", "spiral")
    assert data.labels.tolist() == [1, 0, -1]
    assert data.ids.tolist() == ["G1", "sub/a.jpg", "G3"]
    assert (data[0].ra, data[0].dec, data[1].ra, data[2].label) == (10.5, -3.25, None, None)
    assert data.split_column is not None
    assert data.split_column.tolist() == ["train", "test", "val"]
    assert data.table["source"].tolist() == ["gz1", "gz2", "gz1"]
    assert data[1].image.shape == (24, 24, 3)
    assert data.name == "galaxies"


def test_label_is_preferred_to_morphology_and_neither_is_no_error(write_folder: Write) -> None:
    both = [{"file": "a.png", "label": "x", "morphology": "y"}]
    assert open_dataset(write_folder(both, name="both")).classes == ("x",)
    assert open_dataset(write_folder(both, name="both"), label_column="morphology").classes == (
        "y",
    )
    neither = open_dataset(write_folder([{"file": "a.png", "colour": "red"}], name="neither"))
    assert neither.classes == ()
    assert neither[0].label is None


def test_a_label_column_that_is_not_there_is_an_error_naming_those_that_are(
    write_folder: Write,
) -> None:
    with pytest.raises(
        DataError, match=r"no column 'hubble' \(found: file, id, morphology, source"
    ):
        open_dataset(write_folder(ROWS), label_column="hubble")


@pytest.mark.parametrize("where", [{"source": "gz1"}, ["source=gz1"], ("source = gz1",)])
def test_where_keeps_the_rows_with_that_value(write_folder: Write, where: object) -> None:
    data = open_dataset(write_folder(ROWS), where=where)  # type: ignore[arg-type]
    assert data.ids.tolist() == ["G1", "G3"]
    assert data.classes == ("spiral",)
    assert data.table["file"].tolist() == ["b.png", "c.png"]


def test_several_conditions_hold_together(write_folder: Write) -> None:
    assert open_dataset(write_folder(ROWS), where=["source=gz1", "split=val"]).ids.tolist() == [
        "G3"
    ]


def test_conditions_that_no_row_meets_are_an_error_listing_the_values(write_folder: Write) -> None:
    with pytest.raises(
        DataError, match=r"No row .* has source=gz9; source has the values gz1, gz2"
    ):
        open_dataset(write_folder(ROWS), where=["source=gz9"])


def test_a_condition_on_an_unknown_column_is_an_error(write_folder: Write) -> None:
    with pytest.raises(DataError, match=r"where: labels.csv has no column 'survey'"):
        open_dataset(write_folder(ROWS), where=["survey=sdss"])


@pytest.mark.parametrize(
    ("where", "sentence"),
    [(["source"], "is COLUMN=VALUE"), (["=x"], "is COLUMN"), (["a=1", "a=2"], "twice")],
)
def test_a_malformed_condition_is_an_error(
    write_folder: Write, where: list[str], sentence: str
) -> None:
    with pytest.raises(DataError, match=sentence):
        open_dataset(write_folder(ROWS), where=where)


def test_files_that_a_filter_leaves_out_need_not_exist(write_folder: Write) -> None:
    assert len(open_dataset(write_folder(ROWS, absent=["sub/a.jpg"]), where=["source=gz1"])) == 2


def test_missing_files_are_counted_and_the_first_are_named(write_folder: Write) -> None:
    rows = [{"file": f"{i}.png"} for i in range(8)]
    with pytest.raises(
        DataError,
        match=r"6 of 8 files of labels\.csv are missing .*: 2\.png, 3\.png, 4\.png and 3 more",
    ):
        open_dataset(write_folder(rows, absent=[f"{i}.png" for i in range(2, 8)]))


def test_ids_keep_their_digits_and_zeros(write_folder: Write) -> None:
    data = open_dataset(
        write_folder(
            [{"file": "a.png", "id": "587722981736906813"}, {"file": "b.png", "id": "007"}]
        )
    )
    assert data.ids.tolist() == ["587722981736906813", "007"]


def test_equal_ids_of_different_rows_are_kept(write_folder: Write) -> None:
    assert open_dataset(
        write_folder([{"file": "a.png", "id": "X"}, {"file": "b.png", "id": "X"}])
    ).ids.tolist() == ["X", "X"]


def test_a_class_called_none_in_labels_is_a_class(write_folder: Write) -> None:
    assert open_dataset(
        write_folder([{"file": "a.png", "label": "NA"}, {"file": "b.png", "label": "None"}])
    ).classes == (
        "NA",
        "None",
    )


@pytest.mark.parametrize(
    ("column", "value", "sentence"),
    [
        ("ra", "12:30:00", r"ra of a\.png is '12:30:00', expected degrees in \[0, 360\]"),
        ("ra", "361", r"expected degrees in \[0, 360\]"),
        ("dec", "-90.5", r"dec of a\.png is '-90\.5', expected degrees in \[-90, 90\]"),
        ("redshift", "far", r"redshift of a\.png is 'far', expected a number"),
    ],
)
def test_a_bad_number_is_named(write_folder: Write, column: str, value: str, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        open_dataset(write_folder([{"file": "a.png", column: value}]))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("name,label\na.png,x\n", r"has no column 'file' \(found: name, label\)"),
        ("file,label\n", "a header and no rows"),
        ("", "has no column 'file'"),
        ("file,label\n,x\n", "1 rows have an empty 'file'"),
        ("file,label\na.png,x,y,z\nb.png,x\n", r"the row of 'a\.png' has 4 values for 2 columns"),
        ("file,file\na.png,b.png\n", "two columns of the same name"),
        ('file,label\na.png,"x\n', "is not a table of separated values"),
    ],
)
def test_an_unusable_labels_csv_says_what_is_wrong(
    tmp_path: Path, text: str, sentence: str
) -> None:
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(DataError, match=sentence):
        open_dataset(tmp_path)


def test_short_rows_and_empty_lines_are_filled_up(write_folder: Write) -> None:
    root = write_folder([{"file": "a.png"}, {"file": "b.png"}])
    (root / "labels.csv").write_text("file,label\n\na.png\nb.png,x\n\n")
    assert open_dataset(root).labels.tolist() == [-1, 0]


def test_labels_csv_in_another_encoding_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_bytes("file,label\na.png,spirale barrée\n".encode("latin-1"))
    with pytest.raises(DataError, match="in UTF-8"):
        open_dataset(tmp_path)


def test_a_byte_order_mark_and_blanks_are_ignored(write_folder: Write) -> None:
    root = write_folder([{"file": "a.png", "label": "x"}])
    (root / "labels.csv").write_bytes(b"\xef\xbb\xbffile, label\r\na.png , x\r\n")
    assert open_dataset(root).classes == ("x",)


@pytest.mark.parametrize(
    "name",
    [
        "../outside.png",
        "sub/../../outside.png",
        "/etc/hostname.png",
        "link.png",
        "away/outside.png",
    ],
)
def test_no_path_leads_out_of_the_folder(
    write_folder: Write, write_picture: Write, tmp_path: Path, name: str
) -> None:
    write_picture(tmp_path / "outside.png")
    root = write_folder([{"file": name}], absent=[name])
    (root / "sub").mkdir()
    (root / "link.png").symlink_to(tmp_path / "outside.png")
    (root / "away").symlink_to(tmp_path)
    with pytest.raises(DataError, match="names files outside"):
        open_dataset(root)


def test_links_within_the_folder_are_followed(write_folder: Write, write_picture: Write) -> None:
    root = write_folder([{"file": "link.png"}], absent=["link.png"])
    write_picture(root / "real.png")
    (root / "link.png").symlink_to("real.png")
    assert open_dataset(root)[0].image.shape == (24, 24, 3)


def test_bare_pictures_do_not_follow_links_out(write_picture: Write, tmp_path: Path) -> None:
    root = tmp_path / "bare"
    write_picture(root / "a.png")
    write_picture(tmp_path / "outside.png")
    (root / "b.png").symlink_to(tmp_path / "outside.png")
    with pytest.raises(DataError, match=r"outside .*: b\.png"):
        open_dataset(root)


@pytest.mark.parametrize("name", ["notes.txt", "pipe.png"])
def test_only_regular_picture_files_are_read(write_folder: Write, name: str) -> None:
    root = write_folder([{"file": name}], absent=[name])
    (root / "notes.txt").write_text("hello")
    os.mkfifo(root / "pipe.png")
    with pytest.raises(DataError, match=f"not JPEG, PNG or FITS: {name}"):
        open_dataset(root)


def test_sub_folders_are_classes(write_picture: Write, tmp_path: Path) -> None:
    root = tmp_path / "classes"
    for seed, name in enumerate(["spiral/b.png", "spiral/a.jpg", "elliptical/c.png", "top.png"]):
        write_picture(root / name, seed)
    data = open_dataset(root)
    assert data.classes == ("elliptical", "spiral")
    assert data.ids.tolist() == ["elliptical/c.png", "spiral/a.jpg", "spiral/b.png", "top.png"]
    assert data.labels.tolist() == [0, 1, 1, -1]


def test_one_sub_folder_is_no_class(write_picture: Write, tmp_path: Path) -> None:
    write_picture(tmp_path / "mine" / "images" / "a.png")
    assert open_dataset(tmp_path / "mine").classes == ()


def test_bare_pictures_are_sorted_and_unlabelled(write_picture: Write, tmp_path: Path) -> None:
    root = tmp_path / "bare"
    for name in ("c.png", "a.jpeg", "B.JPG", ".hidden.png"):
        write_picture(root / name)
    (root / "notes.txt").write_text("not a picture")
    data = open_dataset(root)
    assert data.ids.tolist() == ["B.JPG", "a.jpeg", "c.png"]
    assert data.labels.tolist() == [-1, -1, -1]


def test_a_folder_without_pictures_says_so(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        DataError, match=r"holds no images \(JPEG, PNG or FITS\) and no labels\.csv"
    ):
        open_dataset(tmp_path / "empty")


def test_a_corrupt_picture_is_named_when_it_is_read_and_not_before(write_folder: Write) -> None:
    root = write_folder(ROWS)
    (root / "sub/a.jpg").write_bytes((root / "sub/a.jpg").read_bytes()[:200])
    data = open_dataset(root)
    assert data.skipped == ()
    with pytest.raises(DataError, match=r"sub/a\.jpg cannot be read as an image"):
        data[1]


def test_corrupt_pictures_are_left_out_only_where_asked_and_listed(write_folder: Write) -> None:
    root = write_folder(ROWS)
    (root / "b.png").write_bytes(b"nonsense")
    told: list[tuple[int, int, str]] = []
    data = open_dataset(root, skip_corrupt=True, progress=lambda *step: told.append(step))
    assert data.skipped == ("b.png",)
    assert data.ids.tolist() == ["sub/a.jpg", "G3"]
    assert np.array_equal(data[0].image, open_dataset(root)[1].image)
    assert data.subset([0]).skipped == ("b.png",)
    assert told[-1] == (3, 3, "checking images")


def test_a_folder_in_which_nothing_can_be_read_is_an_error(write_folder: Write) -> None:
    root = write_folder([{"file": "a.png"}])
    (root / "a.png").write_bytes(b"nonsense")
    with pytest.raises(DataError, match="None of the 1 images"):
        open_dataset(root, skip_corrupt=True)


def test_a_file_deleted_after_opening_is_named(write_folder: Write) -> None:
    root = write_folder(ROWS)
    data = open_dataset(root)
    (root / "c.png").unlink()
    with pytest.raises(DataError, match=r"c\.png cannot be read any more"):
        data[2]


def test_the_fingerprint_follows_labels_names_and_content(write_folder: Write) -> None:
    root = write_folder(ROWS)
    first = open_dataset(root).fingerprint
    assert open_dataset(root).fingerprint == first
    (root / "c.png").write_bytes((root / "c.png").read_bytes() + b"\0")
    assert open_dataset(root).fingerprint != first


def test_fits_pictures_bring_their_position_where_labels_csv_has_none(
    write_fits: Write, write_folder: Write
) -> None:
    rows = [{"file": "a.fits", "ra": ""}, {"file": "b.fits", "ra": 20}, {"file": "c.png", "ra": ""}]
    root = write_folder(rows, absent=["a.fits", "b.fits"])
    for name in ("a.fits", "b.fits"):
        write_fits(
            np.random.default_rng(0).normal(size=(9, 9)), f"galaxies/{name}", wcs=(150.0, 2.0)
        )
    data = open_dataset(root)
    assert data[0].ra == pytest.approx(150.0)
    assert data[0].dec == pytest.approx(2.0)
    assert (data[1].ra, data[1].dec, data[2].ra) == (20, None, None)
    assert data[0].image.shape == (9, 9, 3)


def test_a_picture_changed_after_opening_is_named(write_folder: Write) -> None:
    root = write_folder(ROWS)
    data = open_dataset(root)
    (root / "c.png").write_bytes((root / "b.png").read_bytes())
    os.utime(root / "c.png", (1, 1))
    with pytest.raises(DataError, match=r"c\.png was changed after it was opened; open .* again"):
        data[2]


@pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
@pytest.mark.parametrize("name", ["labels.csv", "Labels.csv", "LABELS.CSV", "labels.tsv"])
def test_tables_are_read_whatever_their_letters_and_separator(
    write_folder: Write, sign: str, name: str
) -> None:
    root = write_folder(ROWS)
    text = (root / "labels.csv").read_text()
    (root / "labels.csv").unlink()
    (root / name).write_text(text.replace(",", sign))
    data = open_dataset(root)
    assert data.ids.tolist() == ["G1", "sub/a.jpg", "G3"]
    assert data.classes == ("elliptical", "spiral")
    assert data.notes == ()


@pytest.mark.parametrize(
    "names",
    [
        {"ra": "RA", "dec": "DEC", "label": "Label", "redshift": "Redshift", "file": "File"},
        {"ra": "RAJ2000", "dec": "DEJ2000", "label": "class", "redshift": "zspec", "id": "objID"},
        {"ra": "_RAJ2000", "dec": "_DEJ2000", "label": "Class", "file": "filename"},
        {"ra": "ra_deg", "dec": "dec_deg", "label": "Morphology", "split": "Subset"},
        {"ra": "ALPHA_J2000", "dec": "DELTA_J2000", "label": "labels", "id": "object_id"},
    ],
)
def test_columns_are_found_under_the_names_that_catalogues_use(
    write_folder: Write, names: dict[str, str]
) -> None:
    plain = {
        **{"file": "a.png", "id": "G1", "label": "Sa", "ra": 10.5, "dec": -3.5},
        **{"redshift": 0.1, "split": "Training"},
    }
    root = write_folder([plain])
    table = (root / "labels.csv").read_text()
    header, _, rest = table.partition("\n")
    header = ",".join(names.get(name, name) for name in header.split(","))
    (root / "labels.csv").write_text(f"{header}\n{rest}")
    data = open_dataset(root)
    assert (data.ids[0], data.classes, data.split_column[0]) == ("G1", ("Sa",), "train")  # type: ignore[index]
    assert (data.ra[0], data.dec[0], data.redshift[0]) == (10.5, -3.5, 0.1)


@pytest.mark.parametrize(
    ("ra", "dec"),
    [("12:30:49.4", "-00:23:28"), ("12 30 49.4", "-00 23 28"), ("12h30m49.4s", "-0d23m28s")],
)
def test_sexagesimal_positions_are_hours_and_degrees(
    write_folder: Write, ra: str, dec: str
) -> None:
    rows = [
        {"file": "a.png", "RAJ2000": ra, "DEJ2000": dec},
        {"file": "b.png", "RAJ2000": "10.5", "DEJ2000": "-3"},
    ]
    data, place = open_dataset(write_folder(rows)), SkyCoord(ra, dec, unit=("hourangle", "deg"))
    assert data.ra == pytest.approx([place.ra.deg, 10.5], abs=1e-9)
    assert data.dec == pytest.approx([place.dec.deg, -3], abs=1e-9)


def test_a_subset_of_another_kind_is_no_split(write_folder: Write) -> None:
    rows = [{"file": "a.png", "subset": "gz2"}, {"file": "b.png", "subset": "train"}]
    assert open_dataset(write_folder(rows)).split_column is None


def test_a_column_of_the_plain_name_is_preferred(write_folder: Write) -> None:
    data = open_dataset(write_folder([{"file": "a.png", "RA": 1.0, "ra": 2.0, "raj2000": 3.0}]))
    assert data.ra[0] == 2.0


@pytest.mark.parametrize(
    "missing", ["", "nan", "NaN", "<NA>", "null", "NULL", "--", "-", "?", "-9999", "-99", "-99.0"]
)
def test_whatever_says_missing_is_missing_everywhere(write_folder: Write, missing: str) -> None:
    row = dict.fromkeys(("id", "label", "ra", "dec", "redshift", "mass"), missing)
    whole = {"id": "G", "label": "Sa", "ra": 5, "dec": 6, "redshift": 0.1, "mass": 9}
    data = open_dataset(write_folder([{"file": "a.png"} | row, {"file": "b.png"} | whole]))
    assert data.ids.tolist() == ["a.png", "G"]
    assert data.labels.tolist() == [-1, 0]
    assert data.classes == ("Sa",)
    for values in (data.ra, data.dec, data.redshift, target_values(data, "mass")):
        assert np.isnan(values).tolist() == [True, False]


@pytest.mark.parametrize(
    "name", ["nan", "NULL", "-", "0", "-1", "-9999", "-9999.0", "?", "None", "NA", "unknown"]
)
def test_ids_that_name_nothing_leave_the_galaxies_apart(write_folder: Write, name: str) -> None:
    rows = [{"file": f"{k}.png", "id": name, "ra": 0, "dec": 0} for k in range(40)]
    data = open_dataset(write_folder(rows))
    assert len(set(data.ids.tolist())) == 40
    assert [len(part) for part in split(data)] == [32, 4, 4]


def test_a_row_number_0_is_an_id(write_folder: Write) -> None:
    data = open_dataset(write_folder([{"file": f"{k}.png", "id": k} for k in range(3)]))
    assert data.ids.tolist() == ["0", "1", "2"]


@pytest.mark.parametrize(
    "ids",
    [
        ["1.23765E+18", "1.23765E+18"],
        ["1.23765102e+18", "NGC 4"],
        ["587722981736906752.0", "587722981736906813.0"],
        ["587722981736906000", "587722981736907000"],
        ["5E+17", "6E+17"],
    ],
)
def test_ids_that_lost_their_digits_are_refused(write_folder: Write, ids: list[str]) -> None:
    rows = [{"file": f"{k}.png", "id": name} for k, name in enumerate(ids)]
    with pytest.raises(DataError, match=r"a number that lost its digits in a spreadsheet"):
        open_dataset(write_folder(rows))


@pytest.mark.parametrize(
    "ids", [["12e5", "3fa9"], ["1E 0657-56", "x"], ["587722981736906813", "587722981736906000"]]
)
def test_other_ids_are_kept(write_folder: Write, ids: list[str]) -> None:
    rows = [{"file": f"{k}.png", "id": name} for k, name in enumerate(ids)]
    assert open_dataset(write_folder(rows)).ids.tolist() == ids


def test_paths_that_lead_to_one_file_are_one(write_folder: Write) -> None:
    root = write_folder([{"file": "sub/a.png"}])
    (root / "labels.csv").write_text("file,label\n./sub/a.png,x\nsub//a.png,x\nsub\\a.png,\n")
    assert open_dataset(root).ids.tolist() == ["sub/a.png"] * 3
    (root / "labels.csv").write_text("file,label\n./sub/a.png,x\nsub/a.png,y\n")
    with pytest.raises(DataError, match=r"gives sub/a\.png two labels \(x, y\)"):
        open_dataset(root)


def test_vote_fractions_are_numbers_and_no_classes(write_folder: Write) -> None:
    rows = [{"file": f"{k}.png", "label": k / 10, "grade": k} for k in range(5)]
    root = write_folder(rows)
    data = open_dataset(root)
    assert data.classes == ()
    assert data.notes == (
        "label holds numbers (0 to 0.4), not classes: a target for a regression probe, not a label.",
    )
    assert target_values(data, "label").tolist() == [0, 0.1, 0.2, 0.3, 0.4]
    assert len(open_dataset(root, label_column="grade").classes) == 5
    with pytest.raises(DataError, match="label_column: label holds numbers"):
        open_dataset(root, label_column="label")


@pytest.mark.parametrize(
    ("files", "classes", "parts"),
    [
        (["train/Sa/1", "train/E/2", "val/Sa/3", "test/E/4"], ("E", "Sa"), "train train val test"),
        (["train/Sa/1", "train/E/2", "test/E/4"], ("E", "Sa"), "train train test"),
        (["x/Training/Sa/1", "x/Valid/E/2"], ("E", "Sa"), "train val"),
        (["x/y/Sa/1", "x/y/E/2"], ("E", "Sa"), ""),
        (["Sa/train/1", "E/test/2", "E/train/3"], ("E", "Sa"), "train test train"),
        (["train/1", "test/2"], (), "train test"),
        (["train/images/1", "test/images/2"], (), "train test"),
        (["Sa/x/1", "Sa/y/2", "E/3"], ("E", "Sa"), ""),
        (["x/1", "x/2"], (), ""),
        (
            ["images_training_rev1/1", "images_test_rev1/2"],
            (),
            "train test",
        ),  # Galaxy Zoo on Kaggle
    ],
)
def test_classes_and_split_come_from_the_right_level(
    write_picture: Write, tmp_path: Path, files: list[str], classes: tuple[str, ...], parts: str
) -> None:
    for seed, name in enumerate(files):
        write_picture(tmp_path / "root" / f"{name}.png", seed)
    data = open_dataset(tmp_path / "root")
    names = [f"{name}.png" for name in files]
    order = [data.ids.tolist().index(name) for name in names]
    assert data.classes == classes
    found = [data.classes[k] for k in data.labels[order] if k >= 0]
    assert all(name in file for name, file in zip(found, names, strict=False))
    assert len(found) == (len(files) if classes else 0)
    column = data.split_column
    assert (" ".join(column[order]) if column is not None else "") == parts


def test_files_that_are_not_read_are_counted_by_kind(
    write_picture: Write, write_fits: Write, tmp_path: Path
) -> None:
    root = tmp_path / "mixed"
    for name in ("a.png", "b.jpg"):
        write_picture(root / name)
    write_fits(np.zeros((9, 9)), "mixed/c.fits.gz")
    for name in ("a.tif", "b.tif", "notes", "catalogue.csv"):
        (root / name).write_text("x")
    data = open_dataset(root)
    assert len(data) == 3
    assert data.notes == (
        "4 other files in mixed are not read (2 .tif, 1 without a suffix, 1 table catalogue.csv).",
    )
    (root / "labels.csv").write_text("file\na.png\n")
    assert "2 in no row of the table" in open_dataset(root).notes[0]


def test_fits_planes_without_filters_are_reported_once(tmp_path: Path, write_fits: Write) -> None:
    for k in range(5):
        write_fits(np.random.default_rng(k).normal(size=(3, 9, 9)), f"cubes/{k}.fits")
    (note,) = open_dataset(tmp_path / "cubes").notes
    assert note.startswith("0.fits, 1.fits, 2.fits and 2 more: the header names no known filters")


def test_fits_headers_are_read_once_for_their_content(
    tmp_path: Path, write_fits: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    for k in range(3):
        write_fits(np.zeros((9, 9)), f"placed/{k}.fits", wcs=(10.0 + k, 5.0))
    (tmp_path / "placed" / "damaged.fits").write_bytes(b"SIMPLE  =")
    first = open_dataset(tmp_path / "placed")
    assert first.ra == pytest.approx([10.0, 11.0, 12.0, np.nan], nan_ok=True)
    with pytest.raises(DataError, match=r"damaged\.fits"):
        first[3]
    monkeypatch.setattr(fits_images, "read_sky", lambda *_: pytest.fail("read again"))
    assert open_dataset(tmp_path / "placed").dec.tolist()[:3] == first.dec.tolist()[:3]
    monkeypatch.undo()
    monkeypatch.setenv("ASTROJEPA_CACHE", str(tmp_path / "cache"))
    write_fits(np.zeros((9, 9)), "other/0.fits", wcs=(99.0, 5.0))
    (tmp_path / "other/0.fits").replace(tmp_path / "placed/0.fits")
    assert open_dataset(tmp_path / "placed").ra[0] == pytest.approx(99.0)


def test_equal_pixels_under_two_ids_stay_on_one_side(tmp_path: Path) -> None:
    root, rng = tmp_path / "twins", np.random.default_rng(0)
    root.mkdir()
    for k in range(30):
        picture = Image.fromarray(rng.integers(0, 256, (12, 12, 3), dtype=np.uint8))
        picture.save(root / f"{k}.png", compress_level=1)
        picture.save(root / f"copy of {k}.png", compress_level=9)  # other bytes, the same pixels
    parts = split(open_dataset(root))
    pixels = [{galaxy.image.tobytes() for galaxy in part} for part in parts]
    assert sum(map(len, pixels)) == 30
    assert [len(part) for part in parts] == [48, 6, 6]


@pytest.mark.parametrize(
    "heading",
    [
        "#Table1\nfile,label\n",
        "# made by hand, 2020-01-01\n#\nfile,label\n",
        "# made by hand, 2020-01-01\nfile,label\n",
        "# file,label\n",
    ],
)
def test_lines_of_comment_above_the_names_are_left_out(
    heading: str, write_folder: Write, tmp_path: Path
) -> None:
    root = write_folder([{"file": "a.png"}, {"file": "b.png"}])
    (root / "labels.csv").write_text(f"\ufeff{heading}a.png,E\nb.png,Sa\n", encoding="utf-8")
    data = open_dataset(root)
    assert data.classes == ("E", "Sa")
    assert [*data.ids] == ["a.png", "b.png"]


@pytest.mark.parametrize(
    ("labels", "classes", "numbers"),
    [
        (["1", "1.0", "2", ""], ("1", "2"), [0, 0, 1, -1]),
        (["True", "TRUE", "false", "False"], ("false", "true"), [1, 1, 0, 0]),
        (["1.0", "2.0", "1.0", ""], ("1.0", "2.0"), [0, 1, 0, -1]),  # as they are written
        (["True", "False", "True", ""], ("false", "true"), [1, 0, 1, -1]),
        (["1", "True", "0", "FALSE"], ("false", "true"), [1, 1, 0, 0]),
        (["1", "0", "1.0", "2"], ("0", "1", "2"), [1, 0, 1, 2]),
        (["Sab", "SAB", "Sab", ""], ("SAB", "Sab"), [1, 0, 1, -1]),  # not the same
    ],
)
def test_one_number_or_truth_in_two_spellings_is_one_class(
    labels: list[str], classes: tuple[str, ...], numbers: list[int], write_folder: Write
) -> None:
    data = open_dataset(
        write_folder([{"file": f"{k}.png", "label": name} for k, name in enumerate(labels)])
    )
    assert data.classes == classes
    assert data.labels.tolist() == numbers


@pytest.mark.parametrize("value", ["1", "True", "true", "1.0"])
def test_where_selects_every_spelling_of_a_truth(value: str, write_folder: Write) -> None:
    spellings = ["True", "1", "TRUE", "false", "0"]
    rows = [{"file": f"{k}.png", "barred": word} for k, word in enumerate(spellings)]
    found = open_dataset(write_folder(rows), where=[f"barred={value}"])
    assert found.ids.tolist() == ["0.png", "1.png", "2.png"]


@pytest.mark.parametrize("beside", ["unlabeled/c.png", "c.png"])
def test_images_beside_folders_of_a_split_are_refused_and_no_classes(
    beside: str, write_picture: Write, tmp_path: Path
) -> None:
    for name in ("train/E/a.png", "test/E/b.png", beside):
        write_picture(tmp_path / "x" / name)
    with pytest.raises(DataError, match=r"folders of a split \(test, train\) and, beside them"):
        open_dataset(tmp_path / "x")


@pytest.mark.parametrize("beside", ["holdout", "eval", "unlabeled"])
@pytest.mark.parametrize("part", ["train", "test"])
def test_a_folder_train_or_test_beside_another_is_no_class(
    beside: str, part: str, write_picture: Write, tmp_path: Path
) -> None:
    for name in (f"{part}/E/a.png", f"{beside}/E/b.png"):
        write_picture(tmp_path / "x" / name)
    with pytest.raises(DataError, match=rf"\({part}\) and, beside them, images in {beside}"):
        open_dataset(tmp_path / "x")


def test_a_class_may_be_called_dev(write_picture: Write, tmp_path: Path) -> None:
    for name in ("DEV/a.png", "EXP/b.png", "SER/c.png"):  # as the Legacy Surveys call shapes
        write_picture(tmp_path / "x" / name)
    assert open_dataset(tmp_path / "x").classes == ("DEV", "EXP", "SER")


def test_a_row_of_types_is_no_galaxy(write_picture: Write, tmp_path: Path) -> None:
    write_picture(tmp_path / "a.png")
    (tmp_path / "labels.csv").write_text(
        "sep=;\nfile;label;ra;dec\nstring;string;double;double\na.png;Sa;1,5;2\n"
    )
    data = open_dataset(tmp_path)
    assert (data.ids.tolist(), data.classes, data.ra[0]) == (["a.png"], ("Sa",), 1.5)


def test_columns_that_may_be_the_class_or_the_split_are_named(write_folder: Write) -> None:
    names = [f"{k}.png" for k in range(4)]
    kinds = [{"file": n, "galaxy_type": t} for n, t in zip(names, "abab", strict=True)]
    assert "--label-column (galaxy_type)" in " ".join(open_dataset(write_folder(kinds)).notes)
    pixels = [{"file": n, "x": str(k % 3), "y": str(k % 2)} for k, n in enumerate(names)]
    assert "--label-column" not in " ".join(open_dataset(write_folder(pixels, "pixels")).notes)
    sets = [{"file": n, "set": s} for n, s in zip(names, ["train", "Test"] * 2, strict=True)]
    data = open_dataset(write_folder(sets, "sets"))
    assert "column set is not read as the split" in " ".join(data.notes)


def test_a_label_column_without_a_value_leaves_the_class_to_the_next(write_folder: Write) -> None:
    rows = [{"file": f"{k}.png", "label": "", "morphology": "ab"[k]} for k in range(2)]
    assert open_dataset(write_folder(rows)).classes == ("a", "b")


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ({"id": "TBD"}, "5 have the id TBD"),
        ({"ra": 1, "dec": -1}, "5 have the position 1 -1"),
        ({"id": "", "ra": "", "dec": ""}, ""),
    ],
)
def test_most_images_of_one_galaxy_are_said_to_be(
    known: dict[str, Any], said: str, write_folder: Write
) -> None:
    rows = [{"file": f"{k}.png", "id": f"g{k}", "ra": k, "dec": k} for k in range(1, 7)]
    data = open_dataset(write_folder([rows[0], *(row | known for row in rows[1:])]))
    assert any(said in note and "one galaxy" in note for note in data.notes) == bool(said)


def test_folders_that_are_links_are_said_not_to_be_read(
    write_picture: Write, tmp_path: Path
) -> None:
    for level, name in enumerate(("x/E/a.png", "x/Sa/b.png", "away/c.png", "y/notes.png")):
        write_picture(tmp_path / name, level)
    (tmp_path / "x" / "Irr").symlink_to(tmp_path / "away")
    data = open_dataset(tmp_path / "x")
    assert len(data) == 2
    assert data.notes == (
        "Folders that are links are not followed (Irr); copy them, or open what they lead to.",
        "Folders are read as classes, and 2 of 2 have one galaxy each (E, Sa); if they are "
        "galaxies, name their classes in labels.csv.",
    )
    (tmp_path / "only").mkdir()
    (tmp_path / "only" / "E").symlink_to(tmp_path / "away")
    with pytest.raises(DataError, match=r"links are not followed, as E\)"):
        open_dataset(tmp_path / "only")


def test_folders_that_a_system_makes_are_no_classes(write_picture: Write, tmp_path: Path) -> None:
    for seed, name in enumerate(("E/a", "S/b", "@eaDir/a.png/SYNO", "__MACOSX/E/a")):
        write_picture(tmp_path / "x" / f"{name}.png", seed)
    data = open_dataset(tmp_path / "x")
    assert (data.ids.tolist(), data.classes) == (["E/a.png", "S/b.png"], ("E", "S"))


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("SDSS/E/1", "SDSS/S/2", "HSC/E/3", "HSC/S/4"), r"classes \(HSC, SDSS\), and .*\(E, S\)"),
        (("E/E0/1", "E/E1/2", "S/Sa/3", "S/Sb/4"), ""),
        (("E/train/1", "E/test/2", "S/train/3", "S/test/4"), ""),
        (("E/img/1", "S/img/2", "S/img/3"), ""),
    ],
)
def test_folders_of_surveys_that_all_hold_the_classes_are_said(
    names: tuple[str, ...], said: str, write_picture: Write, tmp_path: Path
) -> None:
    for seed, name in enumerate(names):
        write_picture(tmp_path / "x" / f"{name}.png", seed)
    notes = " ".join(open_dataset(tmp_path / "x").notes)
    assert re.search(said, notes) if said else "the same folders" not in notes


def test_a_table_may_name_files_by_their_whole_path_and_repeat_its_names(
    write_folder: Write, write_picture: Write
) -> None:
    root = write_folder([{"file": "a.png"}, {"file": "b.png"}]).resolve()
    link = root.parent / "link"
    link.symlink_to(root)
    for whole in (root, link):
        names = ("# " if whole == link else "") + "file,label,"
        text = f"{names}\n{whole}/a.png,E,1\n{names}\n{root}/b.png,S,2\n"
        (root / "labels.csv").write_text(text)
        data = open_dataset(whole)
        assert (data.ids.tolist(), data.classes) == (["a.png", "b.png"], ("E", "S"))
    write_picture(root.parent / "c.png")
    for outside in (root.parent, link / ".."):
        (root / "labels.csv").write_text(f"file\n{outside}/c.png\n")
        with pytest.raises(DataError, match="names files outside"):
            open_dataset(link)


def test_a_folder_that_cannot_be_listed_is_an_error_unless_it_is_the_file_systems(
    write_picture: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_picture(tmp_path / "x" / "E" / "a.png")
    (tmp_path / "x" / "lost+found").mkdir()
    scandir = os.scandir

    def closed(path: str) -> object:
        if str(path).endswith(("Sa", "lost+found")):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", closed)
    assert len(open_dataset(tmp_path / "x")) == 1
    write_picture(tmp_path / "x" / "Sa" / "b.png")
    with pytest.raises(DataError, match=r"Sa cannot be listed \(Permission denied\)"):
        open_dataset(tmp_path / "x")


def test_a_name_that_is_not_utf_8_is_refused_in_a_sentence(
    write_picture: Write, tmp_path: Path
) -> None:
    path = write_picture(tmp_path / "x" / "a.png")
    os.rename(os.fsencode(path), os.fsencode(path.parent) + b"/caf\xe9.png")  # noqa: PTH104
    with pytest.raises(DataError, match=r"the name 'caf\\udce9\.png' is not UTF-8; rename"):
        open_dataset(tmp_path / "x")


@pytest.mark.parametrize(("unit", "word"), [(1.0, ""), (np.pi / 180, "radians"), (1 / 15, "hours")])
def test_positions_that_look_like_hours_or_radians_are_said(
    unit: float, word: str, write_folder: Write
) -> None:
    places = [(12.0 * k + 1, 2.0 * k - 30) for k in range(29)]
    down = unit if word == "radians" else 1.0
    rows = [
        {"file": f"{k}.png", "ra": ra * unit, "dec": dec * down}
        for k, (ra, dec) in enumerate(places)
    ]
    notes = open_dataset(write_folder(rows)).notes
    assert len(notes) == bool(word)
    assert all(f"if they are in {word}, convert them" in note for note in notes)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        *((("alpha", "delta"), "positions"), (("X_WORLD", "Y_WORLD"), "positions")),
        *((("lon", "lat"), "positions"), (("coord_ra", "coord_dec"), "positions")),
        *((("IFURA", "IFUDEC"), "positions"), (("R.A.", "Decl."), "positions")),
        *(
            (("pm_ra", "pm_dec"), ""),
            (("e_RA", "e_DEC"), ""),
            (("plug_ra", "plug_dec"), "positions"),
        ),
        *((("z",), "redshift"), (("Redshift (z)",), "redshift"), (("nsa_z",), "redshift")),
        *((("g", "r", "z"), ""), (("mag_z",), ""), (("photoz",), "redshift")),
        *((("psf_g", "psf_r", "z"), ""), (("mag_g", "z"), ""), (("rmag", "z"), "")),
        *((("image_r", "z"), "redshift"), (("z", "gain"), "redshift"), (("cz",), "")),
        *((("redshift_err",), ""), (("e_redshift",), ""), (("redshift_flag",), "")),
        *((("Coords",), "position"), (("RA_Dec",), "position"), (("coordinator",), "")),
    ],
)
def test_columns_that_look_like_a_position_or_a_redshift_are_said_not_to_be_read(
    columns: tuple[str, ...], said: str, write_folder: Write
) -> None:
    data = open_dataset(write_folder([{"file": "a.png"} | dict.fromkeys(columns, 1.5)]))
    assert np.isnan([data.ra, data.dec, data.redshift]).all()
    assert len(data.notes) == bool(said)
    assert all(said in note for note in data.notes)


def test_a_z_with_a_blank_is_a_magnitude_beside_others_and_may_be_a_redshift_alone() -> None:
    assert unread_redshifts(["g", "r", "i", "z "]) == ""
    assert "redshift if it is (z )" in unread_redshifts(["file", "z "])


def test_names_of_columns_may_have_blanks_and_values_be_written_for_a_spreadsheet(
    write_folder: Write,
) -> None:
    long = 1237648720142401611
    row = {"File Name": "a.png", "Object ID": f'="{long}"', "Class Name": '="Sa"'}
    row |= {"Right Ascension (deg)": 10.5, "Declination (deg)": -3, "Spec Z": 0.5}
    root = write_folder([{"file": "a.png"}])
    pd.DataFrame([row]).to_csv(root / "labels.csv", index=False)
    data = open_dataset(root)
    assert (data.ids.tolist(), data.classes) == ([str(long)], ("Sa",))
    assert (data.ra[0], data.dec[0], data.redshift[0]) == (10.5, -3, 0.5)
    assert read_catalogue(root / "labels.csv")["Object ID"].tolist() == [str(long)]


def test_a_position_in_another_unit_is_said_not_to_be_read(write_folder: Write) -> None:
    rows = [{"file": "a.png", "RA [h]": 12.5, "Dec (deg)": -3}]
    data = open_dataset(write_folder(rows))
    assert np.isnan(data.ra).all()
    assert data.notes[0].startswith("The columns RA [h], Dec (deg) are not read as positions")
    degrees = open_dataset(write_folder([{"file": "a.png", "RA (deg)": 12.5, "Dec [Degrees]": -3}]))
    assert (degrees.ra[0], degrees.dec[0], degrees.notes) == (12.5, -3, ())


@pytest.mark.parametrize(
    ("columns", "in_another_frame"),
    [
        *((("glon", "glat"), True), (("GLON", "GLAT"), True), (("l", "b"), True)),
        *((("ra_b1950", "dec_b1950"), True), (("RAB1950", "DEB1950"), True)),
        *((("B", "L"), False), (("L", "ra_pix"), False), (("l", "B"), False), (("b",), False)),
    ],
)
def test_positions_in_another_frame_are_not_to_be_called_ra_and_dec_as_they_are(
    columns: tuple[str, ...], in_another_frame: bool, write_folder: Write
) -> None:
    data = open_dataset(write_folder([{"file": "a.png"} | dict.fromkeys(columns, 12.5)]))
    said = f"The columns {', '.join(columns)} are in another frame; convert them to ICRS and call "
    assert data.notes == ((f"{said}them ra and dec.",) if in_another_frame else ())


def test_images_of_pan_starrs_have_another_fingerprint_than_where_they_were_no_flux(
    tmp_path: Path,
) -> None:
    def opened(name: str, **cards: float) -> str:
        (tmp_path / name).mkdir()
        header = fits.Header(cards | {"FILTER": "r", "PAD1": 0, "PAD2": 0})
        fits.PrimaryHDU(np.eye(20), header).writeto(tmp_path / name / "a.fits")
        return open_dataset(tmp_path / name).source_hash

    content = opened("plain"), opened("soft", BSOFTEN=1.0, BOFFSET=0.0)
    for name, found, word in zip(("plain", "soft"), content, ("", " anew"), strict=True):
        raw = (tmp_path / name / "a.fits").read_bytes()
        hashed = hashlib.sha256(str(len(raw)).encode() + raw).hexdigest()
        expected = hashlib.sha256(f"a.fits\t{hashed}".encode()).hexdigest()
        if word:
            expected = hashlib.sha256(f"{expected}{word}".encode()).hexdigest()
        assert found == expected


def test_decimal_commas_of_a_table_with_semicolons_are_points(write_folder: Write) -> None:
    root = write_folder([{"file": "a,1.png"}, {"file": "b.png"}])
    text = "file;label;redshift;mass;kind;name\n"
    text += "a,1.png;E;0,05;-1,5;3,x;1.234.567\nb.png;Sa;;2;4,5;4.567.890\n"
    (root / "labels.csv").write_text(text)
    data = open_dataset(root)
    assert [*data.ids] == ["a,1.png", "b.png"]
    assert np.array_equal(data.redshift, [0.05, np.nan], equal_nan=True)
    assert [*data.table["mass"]] == ["-1.5", "2"]
    assert [*data.table["kind"]] == ["3,x", "4,5"]
    assert [*data.table["name"]] == ["1.234.567", "4.567.890"]


@pytest.mark.parametrize("end", ["_set", "set", "-set", "_images", "_data"])
def test_folders_called_training_set_and_the_like_are_the_split(
    end: str, write_picture: Write, tmp_path: Path
) -> None:
    for part in ("training", "Test"):
        for kind in ("E", "S"):
            write_picture(tmp_path / "g" / f"{part}{end}" / kind / "a.png")
    data = open_dataset(tmp_path / "g")
    assert data.classes == ("E", "S")
    assert data.split_column is not None
    assert data.split_column.tolist() == ["test", "test", "train", "train"]


def test_empty_columns_at_the_end_and_one_without_a_name_are_no_error(
    write_picture: Write, tmp_path: Path
) -> None:
    for name in "ab":
        write_picture(tmp_path / f"{name}.png")
    (tmp_path / "labels.csv").write_text(",file,label,,\n0,a.png,E,,\n1,b.png,S\n")
    data = open_dataset(tmp_path)
    assert data.classes == ("E", "S")
    assert data.table.columns.tolist() == ["file", "Unnamed: 0", "label"]
    (tmp_path / "labels.csv").write_text("file,,\na.png,E,\nb.png,S,\n")
    assert open_dataset(tmp_path).table["Unnamed: 1"].tolist() == ["E", "S"]


def test_whole_ids_that_a_gap_made_floats_are_whole_again(write_folder: Write) -> None:
    rows = [{"file": f"{k}.png", "id": name} for k, name in enumerate(("12.0", "7.0", ""))]
    assert open_dataset(write_folder(rows)).ids.tolist() == ["12", "7", "2.png"]
    rows[0]["id"] = "12.5"
    assert open_dataset(write_folder(rows)).ids.tolist() == ["12.5", "7.0", "2.png"]


def test_right_ascension_in_hours_beside_a_declination_in_degrees_is_read(
    write_folder: Write,
) -> None:
    data = open_dataset(write_folder([{"file": "a.png", "ra": "01:30:00", "dec": "-2.5"}]))
    np.testing.assert_allclose([data.ra, data.dec], [[22.5], [-2.5]], rtol=1e-12)


def test_positions_with_decimal_commas_are_refused(write_folder: Write) -> None:
    with pytest.raises(DataError, match=r"ra of a\.png is '10,5'"):
        open_dataset(write_folder([{"file": "a.png", "ra": "10,5", "dec": "-1,5"}]))


def test_a_folder_of_other_files_says_which(tmp_path: Path) -> None:
    for name in ("a.tif", "b.TIF", "c.gif"):
        (tmp_path / name).write_bytes(b"x")
    with pytest.raises(DataError, match=r"holds no images .* \(found: 2 \.tif, 1 \.gif\)"):
        open_dataset(tmp_path)


def test_an_empty_image_is_called_empty(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    with pytest.raises(DataError, match=r"a\.png is an empty file"):
        open_dataset(tmp_path)[0]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_table_names_a_file_whose_accents_the_disk_writes_otherwise(
    form: str, write_folder: Write
) -> None:
    names = {kind: unicodedata.normalize(kind, "gálaxia.png") for kind in ("NFC", "NFD")}
    root = write_folder([{"file": names[form]}])
    other = names["NFD" if form == "NFC" else "NFC"]
    (root / "labels.csv").write_text(f"file,label\n{other},E\n", encoding="utf-8")
    data = open_dataset(root)
    assert data.ids.tolist() == [names["NFC"]]
    assert data[0].image.ndim == 3


def test_no_redshift_is_minus_one_or_less(write_folder: Write) -> None:
    rows = [{"file": f"{k}.png", "redshift": z} for k, z in enumerate((-1, -9, -0.001, 0.1))]
    data = open_dataset(write_folder(rows))
    assert np.array_equal(data.redshift, [np.nan, np.nan, -0.001, 0.1], equal_nan=True)
    assert data[0].redshift is None


def test_numbers_with_commas_in_a_table_are_said_to_be_words(write_folder: Write) -> None:
    data = open_dataset(write_folder([{"file": "a.png", "mass": "1,234"}]))
    assert any("are read as words (mass, such as 1,234)" in note for note in data.notes)


@pytest.mark.parametrize("bands", [(), ("g", "r")])
def test_folders_of_filters_are_no_classes(bands: tuple[str, ...], tmp_path: Path) -> None:
    root = tmp_path / "survey"
    for name in ("HSC-G/1.fits", "HSC-G/2.fits", "HSC-R/1.fits", "HSC-R/2.fits"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        fits.writeto(root / name, np.random.default_rng(0).normal(size=(8, 8)))
    with pytest.raises(DataError, match=r"a folder for each filter \(HSC-G, HSC-R\); put the imag"):
        open_dataset(root, bands=bands)
    (root / "HSC-R" / "2.fits").rename(root / "HSC-R" / "3.fits")
    assert open_dataset(root).classes == ("HSC-G", "HSC-R")


def test_colours_are_classes(tmp_path: Path, write_picture: Write) -> None:
    for name in ("blue/1.png", "red/1.png"):
        write_picture(tmp_path / "kinds" / name)
    assert open_dataset(tmp_path / "kinds").classes == ("blue", "red")


def test_images_of_one_name_in_several_formats_or_spellings_are_said(
    tmp_path: Path, write_picture: Write
) -> None:
    root = tmp_path / "two"
    for name in ("a.b.png", "c.png", "d.jpg", "é.png"):
        write_picture(root / name)
    assert "several images" not in "".join(open_dataset(root).notes)
    fits.writeto(root / "a.b.FITS", np.random.default_rng(0).normal(size=(8, 8)))
    (note,) = open_dataset(root).notes
    assert ": 1 (a.b.FITS, a.b.png); each image counts as a galaxy." in note
    write_picture(root / "e\N{COMBINING ACUTE ACCENT}.png")
    (note,) = open_dataset(root).notes
    assert ": 2 (a.b.FITS, a.b.png); each" in note


@pytest.mark.parametrize("column", ["file", "id"])
def test_rows_whose_names_differ_only_in_how_accents_are_written_are_said(
    column: str, tmp_path: Path, write_picture: Write
) -> None:
    apart = "e\N{COMBINING ACUTE ACCENT}"
    names = ["é.png", "a.png", "a.jpg"] + ([f"{apart}.png"] if column == "file" else ["b.png"])
    for name in names:
        write_picture(tmp_path / name)
    rows = [(name, f"{row}") for row, name in enumerate(names)]
    if column == "id":
        rows = [(names[0], "é"), (names[1], "f"), (names[2], "f"), (names[3], apart)]
    header = "file,other" if column == "file" else "file,id"
    table = tmp_path / "labels.csv"
    table.write_text("\n".join([header, *map(",".join, rows)]), encoding="utf-8")
    (note,) = open_dataset(tmp_path).notes
    assert "which differ in format or in how accents are written: 1 (é" in note
    table.write_text("\n".join([header, *map(",".join, rows[:3])]), encoding="utf-8")
    assert "accents" not in "".join(open_dataset(tmp_path).notes)


def test_a_class_is_the_same_however_its_accents_are_written(write_folder: Write) -> None:
    words = ["bárred", "ba\N{COMBINING ACUTE ACCENT}rred"]
    root = write_folder([{"file": f"{word}.png", "label": word} for word in words])
    assert open_dataset(root).classes == (words[0],)
    assert len(open_dataset(root, where={"label": words[1]})) == 2


@pytest.mark.parametrize(
    "beside",
    [
        *("a_mask.png", "mask-a.png", "a.weight.fits", "a_psf.fits", "a_DQ.fits.gz", "a_ivar.fits"),
        *("masks/a.png", "masks/a_mask.png", "x_wht.fits", "ls-invvar-g.fits", "segmap/a.png"),
    ],
)
def test_masks_and_weights_beside_their_images_are_no_galaxies(
    beside: str, tmp_path: Path, write_fits: Write
) -> None:
    for name in ("x_sci.fits", "ls-image-g.fits"):
        write_fits(np.eye(9), name)
    for name in ("a.png", "images/a.png", "exp_1.png", "model_2.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (9, 9)).save(tmp_path / name)
    alone = open_dataset(tmp_path).ids.tolist()
    assert len(alone) == 6
    (tmp_path / beside).parent.mkdir(exist_ok=True)
    (tmp_path / beside).write_bytes(b"of no matter")
    data = open_dataset(tmp_path)
    assert data.ids.tolist() == alone
    assert any("1 called masks or the like of images" in note for note in data.notes)


@pytest.mark.parametrize(
    "names",
    [
        *("{}/{}.fits", "{1}_{0}.fits", "frame-{1}-{0}-3.fits", "{0}.{1}.fits.gz"),
        *("cutout-HSC-{1}-{0}.fits", "{0}-{1}-int-3.fits"),
    ],
)
def test_files_of_bands_are_a_galaxy_each_only_where_it_is_said(
    names: str, tmp_path: Path, write_fits: Write
) -> None:
    for galaxy in range(2):
        for place, band in enumerate("grz"):
            write_fits(np.full((9, 9), 10.0 * galaxy + place), names.format(f"n{galaxy}", band))
    data = open_dataset(tmp_path)
    assert len(data) == 6
    for bands in ((), ("G", "R", "Z")):  # which are other filters
        (said,) = (
            note
            for note in open_dataset(tmp_path, bands=bands).notes
            if "differ only in a filter" in note
        )
        assert "--bands g r z" in said
    data = open_dataset(tmp_path, bands=("z", "r", "g"))
    assert [data.flux(row)[0, 0].tolist() for row in range(2)] == [[2, 1, 0], [12, 11, 10]]
    assert not any("filter" in note for note in data.notes)
    assert all(band not in re.split("[-_./]", name) for name in data.ids for band in "grz")
    assert not data.classes


GIVEN = ["ngca/g", "ngca/r", "ngcb/g", "ngcb/r"]


@pytest.mark.parametrize(
    ("more", "ids", "said"),
    [
        (
            [f"ngc{n}/{band}.{what}" for n in "ab" for band in "gr" for what in ("model", "resid")],
            ["ngca", "ngcb"],
            "8 called masks or the like of images",
        ),
        (["ngca/mask"], ["ngca", "ngcb"], "Of no galaxy with all bands: ngca/mask.fits."),
        (["ngca/z", "ngcb/z"], ["ngca", "ngcb"], "2 of no galaxy with all bands"),
        (["ngcc/g"], ["ngca", "ngcb"], "1 galaxy lacks r: ngcc."),
        (["ngcc/r", "x_r", "ngcd/x-r-1"], ["ngca", "ngcb"], "3 galaxies lack g: ngcc, ngcd/x-1.fi"),
        (["x_g", "x_r"], ["ngca", "ngcb", "x.fits"], ""),
        (["ngca/g.big", "ngca/r.big"], ["ngca/big.fits", "ngca", "ngcb"], ""),
        (
            ["f/f-g-4", "f/f-r-4", "f/f-4-g", "f/f-4-r"],
            ["f/f-4.fits", "f/f-4.fits", "ngca", "ngcb"],
            "differ in where the band stands, .* 1 .f/f-4-{band}.fits, f/f-{band}-4.fits.; each",
        ),
    ],
)
def test_a_folder_for_each_galaxy_gives_a_galaxy_each_and_says_what_is_none(
    more: list[str], ids: list[str], said: str, tmp_path: Path, write_fits: Write
) -> None:
    for place, name in enumerate(GIVEN + more):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write_fits(np.full((9, 9), 1.0 * place), f"{name}.fits")
    data = open_dataset(tmp_path, bands=("g", "r"))
    assert data.ids.tolist() == ids
    row = ids.index("ngcb")
    assert data.flux(row)[0, 0].tolist() == [2, 3]
    assert re.search(said or "^1 other files .*1 .npz..$", " ".join(data.notes))
    assert bool(data.classes) == ("f/" in "".join(more))


@pytest.mark.parametrize(
    ("names", "alone"),
    [
        (["S/1", "S/2", "E/1", "E/2"], ""),
        (["S/1", "S/2", "NGC1/1", "NGC2/1"], "2 of 3 have one galaxy each (NGC1, NGC2)"),
        ([f"NGC{k}/image" for k in range(4)], "4 of 4 have one galaxy each"),
    ],
)
def test_folders_of_one_galaxy_that_are_read_as_classes_are_said(
    names: list[str], alone: str, tmp_path: Path, write_picture: Write
) -> None:
    for seed, name in enumerate(names):
        write_picture(tmp_path / "x" / f"{name}.png", seed)
    data = open_dataset(tmp_path / "x")
    assert data.classes == tuple(sorted({name.split("/")[0] for name in names}))
    assert alone in "".join(data.notes)
    assert bool(data.notes) == bool(alone)


def test_galaxies_in_a_folder_of_those_without_a_label_have_none(
    tmp_path: Path, write_picture: Write
) -> None:
    for seed, name in enumerate(("E/1", "E/2", "S/1", "S/2", "unlabeled/1", "unlabeled/2")):
        write_picture(tmp_path / "x" / f"{name}.png", seed)
    data = open_dataset(tmp_path / "x")
    assert (data.classes, data.labels.tolist()) == (("E", "S"), [0, 0, 1, 1, -1, -1])


def test_folders_of_classes_stay_classes_of_galaxies_in_folders(
    tmp_path: Path, write_fits: Write
) -> None:
    for name in ("E/a/g", "E/a/r", "S/b/g", "S/b/r"):
        (tmp_path / name).parent.mkdir(parents=True) if name.endswith("g") else None
        write_fits(np.eye(9), f"{name}.fits")
    data = open_dataset(tmp_path, bands=("g", "r"))
    assert (data.ids.tolist(), data.classes) == (["E/a", "S/b"], ("E", "S"))


@pytest.mark.parametrize(
    ("images", "masks"),
    [
        (["image0", "image1"], ["mask0", "mask1"]),
        (["img_0"], ["img_0mask"]),
        (["a-image"], ["a-model", "a-resid", "a-psf1"]),
        (["galaxy", "galaxy_sat", "M31", "M31_std", "exp1", "exp2", "image"], []),
        (["data/1", "noise/1", "gain/1", "conf/1"], []),
        (["a", "b.image", "c-sci"], ["a_sky", "a.bg", "a-snr", "a_masked", "b.wt", "c-noise"]),
        (["images/1", "2"], ["thumbs/1", "2_thumb"]),
        (["a", "a_unmasked", "b", "b-unmask", "g-snr-10", "g-10", "s.001", "s.noise.001"], []),
        (["12", "s_img_1", "t-5"], ["sky_12", "s_noise_1", "t-mask-5", "t-5-snr"]),
        (["l-image-g"], ["l-galdepth-g", "l-nexp-g", "l-blobmodel-g", "l-psfsize-g"]),
        (["a", "sky_1", "skymapper_12", "12", "b_sky", "sky/a", "snr/a", "abg", "a_skyview"], []),
        (["g_VIS_FLUX"], ["g_VIS_BKG", "g_VIS_FLG", "g_VIS_RMS"]),  # Euclid, as people cut it
        (["u-w1-img-m"], ["u-w1-invvar-m", "u-w1-n-m", "u-w1-std-m"]),  # unWISE
        (["1_ac51-w1-int-3"], ["1_ac51-w1-cov-3", "1_ac51-w1-msk-3", "1_ac51-w1-unc-3"]),  # WISE
        (["N-nd-int"], [f"N-nd-{word}" for word in ("cnt", "flags", "intbgsub", "rrhr", "skybg")]),
        (["K_r_sci"], ["K_r_msk", "K_r_sum", "K_r_wei"]),  # KiDS
        (["S_maic", "r.unconv", "h_drz_sci"], ["S_mcov", "S_munc", "h_drz_ctx", "r.unconv.num"]),
        (["m31_n", "m31_std", "m31", "int_1", "img_2", "n_3", "flux_sum", "img-n-m"], []),
        (["m51_data", "m51_n", "m51_image", "m51_std"], []),  # north of it
    ],
)
def test_masks_have_numbers_and_images_may_be_called_almost_so(
    images: list[str], masks: list[str], tmp_path: Path, write_picture: Write
) -> None:
    for name in images + masks:
        write_picture(tmp_path / "x" / f"{name}.png")
    data = open_dataset(tmp_path / "x")
    assert data.ids.tolist() == sorted(f"{name}.png" for name in images)
    more = f" and {len(masks) - 3} more" if len(masks) > 3 else ""
    named = ", ".join(f"{name}.png" for name in sorted(masks)[:3]) + more
    assert any(f"images: {named}; rename" in note for note in data.notes) == bool(masks)


@pytest.mark.parametrize(
    ("images", "noise", "perhaps"),
    [
        (["g-10", "g-20", "g-sigma-10", "g-sigma-20", "g-sigma-30"], [], "g-sigma-10, g-sigma-20"),
        (["g-10", "g-sigma-10", "g-sigma-20"], [], "g-sigma-10"),
        (["g-1", "g-2", "g-10", "g-sigma-10"], [], "g-sigma-10"),
        # one image of many is missing, or half of the noise
        (["h_1", "h_2", "h_3", "h_sigma_9"], ["h_sigma_1", "h_sigma_2", "h_sigma_3"], ""),
        (["h_1", "h_2"], ["h_sigma_1"], ""),
        (["g_1", "g_2", "g_3"], ["g_sigma_1", "g_sigma_2"], ""),
        (["g.10"], ["g.rms.10"], ""),
        (["a/g-6", "a/g-7", "a/g-8", "a/g-err7", "b/g-err7"], [], "a/g-err7"),
        (["image_1", "image_2", "image_3"], ["sigma_1"], ""),
    ],
)
def test_a_number_behind_a_word_for_noise_is_an_image_s_or_how_much_of_it_there_is(
    images: list[str], noise: list[str], perhaps: str, tmp_path: Path, write_picture: Write
) -> None:
    for name in images + noise:
        write_picture(tmp_path / "x" / f"{name}.png")
    data = open_dataset(tmp_path / "x")
    assert data.ids.tolist() == sorted(f"{name}.png" for name in images)
    said = " ".join(data.notes)
    assert (f"taken as a galaxy: {perhaps}; take it out" in said) == bool(perhaps)
    assert all(f"{name}.png" in said for name in noise)


def test_names_of_galaxies_are_no_filters(tmp_path: Path) -> None:
    for name in ("b1.png", "m3.png", "red.png", "blue.png", "NGC_1.png", "NGC_2.png", "g.png"):
        Image.new("RGB", (9, 9)).save(tmp_path / name)
    assert not any("filter" in note for note in open_dataset(tmp_path).notes)


def test_several_images_in_a_file_are_said(tmp_path: Path) -> None:
    for number, count in enumerate((1, 3)):
        images = [fits.ImageHDU(np.eye(9), name=f"CCD{place}") for place in range(count)]
        fits.HDUList([fits.PrimaryHDU(), *images]).writeto(tmp_path / f"{number}.fits")
    (note,) = (note for note in open_dataset(tmp_path).notes if "several images" in note)
    assert note.startswith("1.fits: of several images in one filter, or in none that is named")


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (("Spiral", "spiral", "round"), r"capitals, blanks or hyphens .*\(Spiral, spiral\)"),
        (("edge-on", "edge on", "edge_on"), r"\(edge on, edge-on, edge_on\)"),
        (("-1", "0", "1"), "The label -1 counts as a class"),
        (("-1", "1", "a"), ""),
        (("1", "01", "2"), ""),
        (("SBa", "SBb", "Sba b"), ""),
        (("-3.0", "3.0", "0.0"), ""),
    ],
)
def test_classes_that_may_be_one_or_none_are_said(
    labels: tuple[str, ...], said: str, write_folder: Write
) -> None:
    rows = [{"file": f"{row}.png", "label": label} for row, label in enumerate(labels)]
    notes = " ".join(n for n in open_dataset(write_folder(rows)).notes if "equal content" not in n)
    assert re.search(said, notes) if said else not re.search("class|label", notes)


def test_equal_files_in_two_classes_are_said(tmp_path: Path) -> None:
    for name, level in (("a/1", 1), ("b/1", 1), ("b/2", 1), ("a/3", 3), ("a/4", 3)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (9, 9), (level, 0, 0)).save(tmp_path / f"{name}.png")
    (note,) = (note for note in open_dataset(tmp_path).notes if "equal content" in note)
    assert "different labels: 2 (a/1.png and b/1.png)" in note


def test_redshifts_that_are_none_are_said(write_folder: Write) -> None:
    redshifts = enumerate(("0.1", "14.4", "9000", ""))
    rows = [{"file": f"{row}.png", "redshift": redshift} for row, redshift in redshifts]
    (note,) = (note for note in open_dataset(write_folder(rows)).notes if "redshift" in note)
    assert note.startswith("1 redshifts exceed 20 (up to 9000)")


def test_a_name_may_hold_what_stands_for_a_band(tmp_path: Path) -> None:
    Image.new("RGB", (9, 9)).save(tmp_path / "{band}.png")
    assert open_dataset(tmp_path)[0].image.shape == (9, 9, 3)
