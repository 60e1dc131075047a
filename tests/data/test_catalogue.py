"""Catalogues: read from every format, joined by id or by position."""

from __future__ import annotations

import dataclasses
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from astropy import units
from astropy.coordinates import Angle
from astropy.io import fits
from astropy.table import MaskedColumn, Table
from pyarrow import parquet

import astrojepa as aj
from astrojepa.cli import main
from astrojepa.data import DataError
from astrojepa.data.catalogue import joined, match, positions, read_catalogue
from astrojepa.data.columns import known_of
from astrojepa.data.id_keys import id_keys
from astrojepa.data.readers.labels import name_galaxies

LONG_ID = 1237648720142401611


def separation(ra, dec, other_ra, other_dec):
    """Great-circle distance, arcseconds, by the formula of Vincenty."""
    a, d, b, e = map(np.radians, (ra, dec, other_ra, other_dec))
    across = np.hypot(
        np.cos(e) * np.sin(b - a),
        np.cos(d) * np.sin(e) - np.sin(d) * np.cos(e) * np.cos(b - a),
    )
    along = np.sin(d) * np.sin(e) + np.cos(d) * np.cos(e) * np.cos(b - a)
    return np.degrees(np.arctan2(across, along)) * 3600


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Sixty galaxies, drawn once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASTROJEPA_CACHE", str(tmp_path_factory.mktemp("drawn")))
        return aj.open_dataset("simulated:60")


@pytest.fixture
def galaxies(drawn):
    """Sixty galaxies around the north pole and the origin of right ascension, three unplaced."""
    draw = np.random.default_rng(3)
    ra, dec = draw.uniform(359.9, 360.1, 60) % 360, draw.uniform(-0.1, 0.1, 60)
    ra[:20], dec[:20] = draw.uniform(0, 360, 20), draw.uniform(89.9, 90, 20)
    ra[57:] = dec[57:] = np.nan
    return dataclasses.replace(drawn, ra=ra, dec=dec)


def test_the_nearest_row_within_the_radius_is_that_of_a_search_over_all_pairs(galaxies):
    draw = np.random.default_rng(4)
    catalogue = pd.DataFrame(
        {
            "RAJ2000": (galaxies.ra[:50] + draw.normal(0, 3e-4, 50)) % 360,
            "DEJ2000": np.clip(galaxies.dec[:50] + draw.normal(0, 3e-4, 50), -90, 90),
        }
    ).sample(frac=1, random_state=0)
    found = match(galaxies, catalogue, radius=2)
    pairs = separation(
        galaxies.ra[:57, None], galaxies.dec[:57, None], *catalogue.to_numpy().T[:, None, :]
    )
    nearest = pairs.argmin(1)
    near = pairs.min(1) <= 2
    assert 20 < near.sum() < 57
    assert np.array_equal(found.rows[:57], np.where(near, nearest, -1))
    np.testing.assert_allclose(found.separation[:57][near], pairs.min(1)[near], atol=1e-6)
    assert np.array_equal(found.crowded[:57], (pairs <= 2).sum(1) > 1)
    assert (found.rows[57:] == -1).all()
    assert np.isnan(found.separation[57:]).all()


def test_ids_that_agree_come_before_positions_unless_asked_otherwise(galaxies):
    catalogue = pd.DataFrame({"objid": galaxies.ids[[5, 3]], "ra": galaxies.ra[[7, 8]]})
    catalogue["dec"], catalogue["mass"] = galaxies.dec[[7, 8]], [1.0, 2.0]
    assert np.flatnonzero(match(galaxies, catalogue).rows >= 0).tolist() == [3, 5]
    place = match(galaxies, catalogue, by="position")
    assert np.flatnonzero(place.rows >= 0).tolist() == [7, 8]
    table = joined(galaxies, catalogue, name="cat").table
    assert table["mass"].iloc[[3, 5]].tolist() == [2.0, 1.0]
    assert table["mass"].notna().sum() == 2


@pytest.mark.parametrize("ending", ["csv", "tsv", "ecsv", "fits", "vot", "parquet"])
def test_every_format_gives_the_same_numbers_text_and_18_digit_ids(ending, tmp_path):
    table = Table(
        {
            "id": np.array([LONG_ID, LONG_ID + 1]),
            "ra": [10.5, 20.25],
            "dec": [-1.5, 2.0],
            "mass": MaskedColumn([9.5, 0.0], mask=[False, True]),
            "kind": ["Sa", ""],
        }
    )
    path = tmp_path / f"c.{ending}"
    if ending == "parquet":
        frame = table.to_pandas()
        frame.to_parquet(path)
    elif ending in ("csv", "tsv"):
        table.write(path, format="ascii.csv", delimiter={"csv": ",", "tsv": "\t"}[ending])
    else:
        table.write(path, format="votable" if ending == "vot" else None)
    found = read_catalogue(path)
    assert list(found.columns) == ["id", "ra", "dec", "mass", "kind"]
    assert found["id"].astype(str).tolist() == [str(LONG_ID), str(LONG_ID + 1)]
    assert found["ra"].tolist() == [10.5, 20.25]
    assert found["mass"][0] == 9.5
    assert np.isnan(found["mass"][1])
    assert found["kind"].tolist() == ["Sa", ""]


@pytest.mark.parametrize("unit", [units.rad, units.hourangle, units.arcsec])
def test_positions_in_other_units_become_degrees(unit, tmp_path, galaxies):
    table = Table({"ra": (galaxies.ra[:5] * units.deg).to(unit)})
    table["dec"] = (galaxies.dec[:5] * units.deg).to(unit)
    table.write(tmp_path / "c.ecsv")
    found = read_catalogue(tmp_path / "c.ecsv")
    np.testing.assert_allclose(found["ra"], galaxies.ra[:5], rtol=1e-12)
    np.testing.assert_allclose(found["dec"], galaxies.dec[:5], rtol=1e-12)


def test_numbers_that_mean_missing_and_columns_of_arrays_are_no_values(tmp_path):
    table = Table({"id": ["a", "b"], "mag": [-9999.0, 17.5], "spectrum": np.zeros((2, 3))})
    table.write(tmp_path / "c.fits")
    found = read_catalogue(tmp_path / "c.fits")
    assert list(found.columns) == ["id", "mag"]
    assert np.isnan(found["mag"][0])
    assert found["mag"][1] == 17.5


def test_ids_of_18_digits_keep_every_digit_beside_galaxies_without_a_row(galaxies):
    catalogue = pd.DataFrame({"id": galaxies.ids[:2], "source_id": [LONG_ID, LONG_ID + 1]})
    column = joined(galaxies, catalogue).table["source_id"]
    assert column[:3].tolist() == [str(LONG_ID), str(LONG_ID + 1), ""]


@pytest.mark.parametrize("ending", ["fits", "vot", "ecsv", "parquet"])
def test_a_missing_whole_number_costs_the_others_no_digit(ending, tmp_path):
    values = MaskedColumn([LONG_ID, 0, LONG_ID + 2], mask=[False, True, False], fill_value=-1)
    table = Table({"id": ["a", "b", "c"], "source_id": values})
    if ending == "parquet":
        frame = pd.DataFrame({"id": ["a", "b", "c"]})
        frame["source_id"] = pd.array([LONG_ID, None, LONG_ID + 2], dtype="Int64")
        frame.to_parquet(tmp_path / "c.parquet")
    else:
        table.write(tmp_path / f"c.{ending}", format="votable" if ending == "vot" else None)
    found = read_catalogue(tmp_path / f"c.{ending}")["source_id"]
    assert found.tolist() == [str(LONG_ID), "", str(LONG_ID + 2)]


@pytest.mark.parametrize("ending", ["fits", "vot", "ecsv", "parquet"])
@pytest.mark.parametrize("mask", [[False, True, True], [True, True, True]])
def test_missing_whole_numbers_of_every_kind_are_those_that_astropy_masks(ending, mask, tmp_path):
    kinds = ["u1", "i2", "i4", "i8", *(["u2", "u4", "u8"] if ending != "vot" else [])]
    table = Table({kind: MaskedColumn(np.array([5, 6, 7], kind), mask=mask) for kind in kinds})
    table["id"] = ["a", "b", "c"]
    how = {"format": "votable"} if ending == "vot" else {}
    table.write(tmp_path / f"t.{ending}", **how)
    expected, found = (
        Table.read(tmp_path / f"t.{ending}", **how),
        read_catalogue(tmp_path / f"t.{ending}"),
    )
    for kind in kinds:
        assert expected[kind].mask.tolist() == mask
        values = pd.to_numeric(found[kind]).to_numpy(float)
        assert np.array_equal(values, expected[kind].astype(float).filled(np.nan), equal_nan=True)


@pytest.mark.parametrize("ending", ["fits", "vot", "ecsv", "parquet"])
def test_columns_of_several_values_are_said_not_to_be_read(ending, tmp_path, galaxies):
    table = Table({"id": galaxies.ids, "mass": np.arange(len(galaxies)) * 1.0})
    table["spectrum"] = np.zeros((len(galaxies), 3))
    if ending == "parquet":
        lists = pa.array(table["spectrum"].tolist())
        kept = {name: pa.array(table[name].tolist()) for name in ("id", "mass")}
        parquet.write_table(pa.table(kept | {"spectrum": lists}), tmp_path / "t.parquet")
    else:
        table.write(tmp_path / f"t.{ending}", **{"format": "votable"} if ending == "vot" else {})
    found = joined(galaxies, read_catalogue(tmp_path / f"t.{ending}"), name="t")
    assert "spectrum" not in found.table
    assert found.notes[-1].endswith(
        "Columns of lists, structs, bytes or complex numbers are not read: spectrum."
    )


def test_masked_values_of_a_parquet_file_of_astropy_are_missing(tmp_path, write_picture):
    masked = {"ra": [10.5, 11.5], "objid": [LONG_ID, 5], "whole": [7, 8], "ok": [True, False]}
    table = Table(
        {name: MaskedColumn(values, mask=[False, True]) for name, values in masked.items()}
    )
    table["dec"], table["mass.mask"] = [1.0, 2.0], [True, False]
    table["image"] = [write_picture(tmp_path / f"{k}.png", k).read_bytes() for k in range(2)]
    table.write(tmp_path / "t.parquet")
    again = Table.read(tmp_path / "t.parquet")
    assert again["objid"].mask.tolist() == [False, True]
    found = read_catalogue(tmp_path / "t.parquet")
    assert set(found) == {*masked, "dec", "mass.mask", "image"}
    assert found["objid"].tolist() == [str(LONG_ID), ""]
    assert np.array_equal(found[["ra", "whole"]], [[10.5, 7], [np.nan, np.nan]], equal_nan=True)
    assert found["ok"].tolist() == ["true", ""]
    data = aj.open_dataset(tmp_path / "t.parquet")
    assert np.array_equal(data.ra, [10.5, np.nan], equal_nan=True)
    assert data.ids.tolist() == [str(LONG_ID), "t.parquet#1"]


def test_sexagesimal_positions_are_read_as_in_labels(galaxies):
    catalogue = pd.DataFrame({"ra": ["12:30:49.42"], "dec": ["+12:23:28.0"]})
    ra, dec = positions(catalogue)
    assert ra[0] == pytest.approx((12 + 30 / 60 + 49.42 / 3600) * 15)
    assert dec[0] == pytest.approx(12 + 23 / 60 + 28 / 3600)
    with pytest.raises(DataError, match=r"Row 0 of the catalogue: .* is not a position"):
        positions(pd.DataFrame({"ra": ["here"], "dec": ["there"]}))


def test_positions_of_the_catalogue_stand_beside_the_galaxies_own(galaxies):
    catalogue = pd.DataFrame({"id": galaxies.ids[:2], "ra": [1.0, 2.0], "dec": [3.0, 4.0]})
    table = joined(galaxies, catalogue, name="cat").table
    assert {"cat_id", "cat_ra", "cat_dec"} <= set(table.columns)
    assert not {"id", "ra", "dec"} & set(table.columns) - set(galaxies.table.columns)


def test_galaxies_without_redshift_or_position_get_the_catalogues(galaxies):
    unknown = np.full(60, np.nan)
    bare = dataclasses.replace(galaxies, ra=unknown, dec=unknown, redshift=unknown)
    columns = {"ra": ["12:30:49.42", "2"], "dec": ["+12:23:28.0", "4"], "zspec": [0.1, -9999.0]}
    catalogue = pd.DataFrame({"id": bare.ids[:2], **columns})
    found = joined(bare, catalogue, name="cat")
    assert found.redshift[0] == 0.1
    assert np.isnan(found.redshift[1:]).all()
    np.testing.assert_allclose([*found.ra[:2], *found.dec[:2]], [187.7059, 2, 12.3911, 4], 1e-4)
    assert np.isnan(found.ra[2:]).all()
    assert found.fingerprint == bare.fingerprint
    placed = dataclasses.replace(galaxies, redshift=np.full(60, 0.2))
    known = joined(placed, catalogue.rename(columns={"zspec": "redshift"}), name="cat")
    np.testing.assert_array_equal(known.redshift, placed.redshift)
    np.testing.assert_array_equal(known.ra, placed.ra)
    assert known.table["cat_redshift"][0] == 0.1


def test_positions_of_a_catalogue_that_cannot_be_read_are_said(galaxies):
    unknown = np.full(60, np.nan)
    bare = dataclasses.replace(galaxies, ra=unknown, dec=unknown)
    catalogue = pd.DataFrame({"id": bare.ids[:2], "ra": [1.0, 2.0], "dec": [3.0, 4.0]})
    catalogue.attrs["frame"] = "B1950"
    found = joined(bare, catalogue, by="id", name="cat")
    assert np.isnan(found.ra).all()
    assert (
        "its positions are not read. The positions of the catalogue are in B1950" in found.notes[-1]
    )


def test_the_catalogue_itself_is_never_overwritten(galaxy_folder, tmp_path, capsys):
    path = tmp_path / "c.csv"
    path.write_text("id,mass\na,1\n")
    assert main(["match", str(path), "--data", str(galaxy_folder), "--out", str(path)]) == 2
    assert "is the catalogue itself; name another file" in capsys.readouterr().err
    assert path.read_text() == "id,mass\na,1\n"


def test_columns_of_the_galaxies_are_never_replaced(galaxies):
    galaxies = dataclasses.replace(galaxies, table=pd.DataFrame({"mass": np.arange(60.0)}))
    catalogue = pd.DataFrame({"id": galaxies.ids[:2], "mass": [7, 8]})
    table = joined(galaxies, catalogue, name="sdss").table
    assert table["mass"].tolist() == list(range(60))
    assert table["sdss_mass"][:2].tolist() == [7, 8]
    assert table["sdss_mass"][2:].isna().all()


@pytest.mark.parametrize(
    ("columns", "options", "message"),
    [
        ({"id": ["x"], "mass": [1]}, {"by": "id"}, "no row for any id .* match by position"),
        ({"mass": [1]}, {}, "no id of .* and no columns ra and dec .*found: mass"),
        ({"ra": [0.0], "dec": [0.0]}, {}, "The catalogue has no positions; give"),
        (
            {"ra": [400.0], "dec": [1.0]},
            {},
            r"no positions \(rows off the sky left out: 1, the first",
        ),
        ({"ra": [120.0], "dec": [-60.0]}, {}, "No galaxy of .* lies within 1 arcsec of a row"),
        ({"ra": [1.0], "dec": [1.0]}, {"radius": 0}, "`radius` is 0 arcsec; it must lie in"),
        ({"ra": [1.0], "dec": [1.0]}, {"by": "name"}, "`by` is 'name'; choose id or position"),
    ],
)
def test_what_cannot_be_matched_is_said(galaxies, columns, options, message):
    with pytest.raises(DataError, match=message):
        joined(galaxies, pd.DataFrame(columns), **options)


@pytest.mark.parametrize("names", [("l", "b"), ("ra_b1950", "dec_b1950")])
def test_positions_in_another_frame_are_named_where_nothing_matches(galaxies, names):
    catalogue = pd.DataFrame({key: [1.0, 2.0] for key in names})
    message = f"The columns {names[0]}, {names[1]} are in another frame; convert them to ICRS"
    with pytest.raises(DataError, match=message):
        match(galaxies, catalogue)


def test_an_id_of_two_rows_is_refused(galaxies):
    catalogue = pd.DataFrame({"id": [galaxies.ids[0]] * 2, "mass": [1, 2]})
    with pytest.raises(DataError, match=f"several rows of {galaxies.ids[0]}"):
        match(galaxies, catalogue)


@pytest.mark.parametrize("ending", ["fits", "vot", "parquet", "ecsv"])
def test_a_damaged_table_is_refused_in_one_sentence(ending, tmp_path):
    (tmp_path / f"c.{ending}").write_bytes(b"\x00\xffno table" * 50)
    with pytest.raises(DataError, match=r"cannot be read as a table|is not a FITS file"):
        read_catalogue(tmp_path / f"c.{ending}")


def test_a_table_of_another_format_is_refused_with_those_that_are_read(tmp_path):
    (tmp_path / "c.pickle").write_bytes(b"")
    with pytest.raises(DataError, match=r"its name must end in \.csv"):
        read_catalogue(tmp_path / "c.pickle")


def test_the_command_writes_a_row_per_galaxy_and_says_how_many_matched(
    galaxy_folder, tmp_path, capsys
):
    ids = aj.open_dataset(str(galaxy_folder)).ids
    pd.DataFrame({"id": ids[:3], "mass": [9.5, 10.0, 11.0]}).to_csv(tmp_path / "c.csv", index=False)
    out = tmp_path / "joined.csv"
    command = ["match", str(tmp_path / "c.csv"), "--data", str(galaxy_folder), "--out", str(out)]
    assert main(command) == 0
    table = pd.read_csv(out, dtype={"id": str})
    assert table["id"].tolist() == ids.tolist()
    assert table["mass"][:3].tolist() == [9.5, 10.0, 11.0]
    assert table["mass"][3:].isna().all()
    assert f"3 of {len(ids)} galaxies matched by id" in capsys.readouterr().out
    command[-1] = str(tmp_path / "joined.ecsv")
    assert main(command) == 0
    again = Table.read(tmp_path / "joined.ecsv")
    assert again["ra"].unit == units.deg
    assert again["mass"][:3].tolist() == [9.5, 10.0, 11.0]
    assert again.meta["catalogue"] == "c.csv"


def described(path, **columns):
    """Write a table whose columns have values, a unit and a description each."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of units that nobody knows
        _write(path, columns)


def _write(path, columns):
    table = Table()
    for name, (values, unit, description) in columns.items():
        table[name] = MaskedColumn(values, unit=unit, description=description)
    if path.suffix == ".parquet":
        fields = [
            pa.field(name, pa.array(values).type, metadata={"unit": unit, "description": text})
            for name, (values, unit, text) in columns.items()
        ]
        arrays = [pa.array(values) for values, _, _ in columns.values()]
        parquet.write_table(pa.Table.from_arrays(arrays, schema=pa.schema(fields)), path)
    elif path.suffix == ".fits":
        made = fits.table_to_hdu(table)
        for number, name in enumerate(table.colnames, 1):
            made.header[f"TCOMM{number}"] = columns[name][2]
            if columns[name][1]:
                made.header[f"TUNIT{number}"] = columns[name][1]
        made.writeto(path)
    else:
        table.write(path, format="votable" if path.suffix == ".vot" else None)


@pytest.mark.parametrize(
    ("ending", "written"),
    [("ecsv", "parquet"), ("fits", "ecsv"), ("vot", "fits"), ("parquet", "vot")],
)
def test_units_and_descriptions_of_a_catalogue_reach_the_table_that_is_written(
    ending, written, galaxy_folder, tmp_path
):
    ids = aj.open_dataset(str(galaxy_folder)).ids
    described(
        tmp_path / f"c.{ending}",
        id=(ids[:3].tolist(), "", "name"),
        mass=([9.5, 10.0, 11.0], "solMass", "stellar mass"),
        flux=([1.0, 2.0, 3.0], "Jy", "total"),
        odd=([1.0, 2.0, 3.0], "clicks", "as I count"),
    )
    out = tmp_path / f"joined.{written}"
    command = ["match", str(tmp_path / f"c.{ending}"), "--data", str(galaxy_folder)]
    assert main([*command, "--out", str(out)]) == 0
    again = read_catalogue(out)
    about = again.attrs["columns"]
    assert about["mass"] == ("solMass", "stellar mass")
    assert about["flux"] == ("Jy", "total")
    odd = ("", "as I count (unit: clicks)") if written == "vot" else ("clicks", "as I count")
    assert about["odd"] == odd, "VOTable knows units of the standard only"
    assert again["mass"][:3].tolist() == [9.5, 10.0, 11.0]


def test_units_stand_beside_the_numbers_of_a_galaxy(galaxies):
    catalogue = pd.DataFrame({"id": galaxies.ids[:2], "mass": [9.5, 10.0]})
    catalogue.attrs["columns"] = {"mass": ("solMass", "stellar mass")}
    data = joined(galaxies, catalogue).subset([1, 5])
    assert known_of(data, 0)["mass"] == "10 solMass"
    assert "mass" not in known_of(data, 1)


@pytest.mark.parametrize(("column", "unit"), [("dec", "mag"), ("ra", "Jy"), ("dec", "nonsense")])
def test_a_position_in_a_unit_that_is_no_angle_is_refused(column, unit, galaxies, tmp_path):
    about = {"ra": (galaxies.ra[:5], "deg", ""), "dec": (galaxies.dec[:5], "deg", "")}
    about[column] = (about[column][0], unit, "")
    described(tmp_path / "c.ecsv", **about)
    with pytest.raises(DataError, match=f"unit of {column} is {unit}, expected an angle such as"):
        match(galaxies, read_catalogue(tmp_path / "c.ecsv"))


@pytest.mark.parametrize("unit", ["h", "hours", "hourangle"])
def test_right_ascension_in_hours_is_read_by_its_unit(unit, galaxies, tmp_path):
    columns = {"ra": (galaxies.ra[:5] / 15, unit, ""), "dec": (galaxies.dec[:5], "degrees", "")}
    described(tmp_path / "c.ecsv", **columns)
    found = match(galaxies, read_catalogue(tmp_path / "c.ecsv"))
    assert found.rows[:5].tolist() == [0, 1, 2, 3, 4]


def test_right_ascensions_from_minus_180_are_the_same_and_said(galaxies):
    west = pd.DataFrame({"ra": galaxies.ra - 360 * (galaxies.ra > 180), "dec": galaxies.dec})
    assert west["ra"].min() < -10
    found = match(galaxies, west, by="position")
    assert found.rows[:57].tolist() == list(range(57))
    assert "; ra read as degrees, with 360 added where negative" in str(found)


@pytest.mark.parametrize(("ra", "dec"), [(40, 0), (0, 100), (-181, 0), (999, 999)])
def test_rows_off_the_sky_are_no_other_place_and_are_said(ra, dec, galaxies):
    there = pd.DataFrame({"ra": galaxies.ra[20:30], "dec": galaxies.dec[20:30]})
    there.loc[3] = (360 + ra if ra > 0 else ra, dec)
    here = dataclasses.replace(galaxies, ra=np.full(60, 40.0), dec=np.zeros(60))
    found = match(here, there, by="position")
    assert 3 not in found.rows
    assert "; rows off the sky left out: 1, the first at " in str(found)
    assert "expected degrees in [-180, 360] and [-90, 90]" in str(found)
    known = pd.DataFrame({"id": galaxies.ids[20:30]}).join(there)
    nowhere = dataclasses.replace(galaxies, ra=galaxies.ra * np.nan)
    placed = joined(nowhere, known, name="cat")
    assert np.isnan(placed.ra[23])
    assert placed.ra[24] == galaxies.ra[24]
    assert any(note.startswith("Catalogue cat: rows off the sky") for note in placed.notes)


def test_the_match_says_how_positions_were_read(galaxies):
    def said(ra, dec):
        return str(match(galaxies, pd.DataFrame({"ra": ra, "dec": dec}), by="position"))

    assert "; ra read as degrees" in said(galaxies.ra[:5], galaxies.dec[:5])
    hours = said(galaxies.ra[:5] / 15, galaxies.dec[:5])
    assert "ra read as degrees, although none exceeds 24: give hours a unit, or write" in hours
    written = Angle(galaxies.ra[:2], "deg").to_string("hourangle", sep=":", precision=6)
    declination = Angle(galaxies.dec[:2], "deg").to_string(sep=":", precision=6)
    sexagesimal = said(written, declination)
    assert "2 of 60 galaxies matched" in sexagesimal
    assert f"ra read as hours, where sexagesimal, as {written[0]}" in sexagesimal


@pytest.mark.parametrize(
    ("ra", "dec"),
    [
        ("RightAscension", "Declination"),
        ("right_ascension", "declination"),
        ("TARGET_RA", "TARGET_DEC"),
        ("ALPHAWIN_J2000", "DELTAWIN_J2000"),
        ("raMean", "decMean"),
        ("s_ra", "s_dec"),
    ],
)
def test_positions_are_found_under_the_names_that_catalogues_give_them(ra, dec, galaxies):
    catalogue = pd.DataFrame({ra: galaxies.ra[:5], dec: galaxies.dec[:5]})
    assert match(galaxies, catalogue).rows[:5].tolist() == [0, 1, 2, 3, 4]


def test_small_whole_numbers_are_ids_in_every_format(galaxies, tmp_path):
    galaxies = dataclasses.replace(galaxies, ids=np.arange(60).astype(str))
    (tmp_path / "c.csv").write_text("id,mass\n3,9.5\n,8\n5,\n")
    found = match(galaxies, read_catalogue(tmp_path / "c.csv"))
    assert np.flatnonzero(found.rows >= 0).tolist() == [3, 5]
    (tmp_path / "c.csv").write_text("id,mass\n3,9.5\n5,1\n")
    assert read_catalogue(tmp_path / "c.csv")["id"].tolist() == [3, 5]
    (tmp_path / "c.csv").write_text("id,mass\n007,9.5\n5,1\n")
    assert read_catalogue(tmp_path / "c.csv")["id"].tolist() == ["007", "5"]


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "text",
    [
        "id,ra,dec,mass\n007,10,20,5,\n8,11,21,6,\n",  # a separator behind the last value
        "#Table1\nid,ra,dec,mass\n007,10,20,5\n8,11,21,6\n",  # CasJobs
        "# id,ra,dec,mass\n007,10,20,5\n8,11,21,6\n",  # numpy.savetxt
        " id , ra , dec , mass \n007, 10, 20, 5\n8, 11, 21, 6\n",
        "id;ra;dec;mass\n007;10;20;5\n8;11;21;6\n",
    ],
)
def test_numbers_of_separated_values_stay_under_their_names(text: str, tmp_path: Path) -> None:
    table = read_catalogue(written(tmp_path / "x.csv", text))
    assert {name: [*table[name]] for name in table} == {
        "id": ["007", "8"],
        "ra": [10, 11],
        "dec": [20, 21],
        "mass": [5, 6],
    }


def test_a_table_of_vizier_is_read_with_its_units(tmp_path: Path) -> None:
    text = "#\n#RESOURCE=x\n_RAJ2000\tDEJ2000\tBmag\n'h'\tdeg\tmag\n----\t---\t----\n 10.5\t-20\t\n"
    table = read_catalogue(written(tmp_path / "x.tsv", text.replace("'h'", "deg")))
    assert [*table["_RAJ2000"], *table["DEJ2000"]] == [10.5, -20]
    assert table.attrs["columns"]["Bmag"] == ("mag", "")


ROWS = {"id": [1, 2], "ra": [150.1, 151.25], "dec": [2.2, -0.5], "name": ["NGC 1", "b"]}
LINES = "1,150.1,2.2,NGC 1\n2,151.25,-0.5,b\n"
ROWS_IN_BARS = "| 1  | 150.1  | 2.2  | NGC 1 |\n| 2  | 151.25 | -0.5 | b     |\n"
BARS = "| id | ra     | dec  | name  |\n"
FRAME = "+----+--------+------+-------+\n"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.tsv", f"# made\nid,ra,dec,name\n5N,10N,10N,6S\n{LINES}".replace(",", "\t")),
        ("a.rdb", f"id,ra,dec,name\n5N,10N,10N,6S\n{LINES}".replace(",", "\t")),
        ("b.csv", f"id,ra,dec,name\nint64,float64,double,string\n{LINES}"),
        ("c.csv", f"id,ra,dec,name\nbigint,real,float,varchar(20)\n{LINES}"),
        ("d.csv", f"#Table1\nid,ra,dec,name\n{LINES}".replace("2,151", "#Table2\nid,ra,dec,name\n2,151")),
        ("e.csv", f"sep=;\nid,ra,dec,name\n{LINES}".replace(",", ";")),
        ("f.txt", f"{FRAME}{BARS}{FRAME}{ROWS_IN_BARS}{FRAME}"),  # of TOPCAT
        ("g.txt", f"{BARS}|----|--------|------|-------|\n{ROWS_IN_BARS}"),  # Markdown
        ("h.txt", f"{BARS}----+--------+------+-------\n{ROWS_IN_BARS}(2 rows)\n"),  # of a database
        ("i.csv", f"id,ra,dec,name\n{LINES}#END#\n"),
        ("j.txt", f"id ra dec name\n-- deg deg --\n--- --- --- ---\n{LINES}".replace("C 1", "C_1").replace(",", " ")),
    ],
)  # fmt: skip
def test_lines_of_types_frames_and_comments_are_no_galaxies(
    name: str, text: str, tmp_path: Path
) -> None:
    found = read_catalogue(written(tmp_path / name, text))
    assert list(found) == ["id", "ra", "dec", "name"]
    assert {key: found[key].tolist() for key in ("id", "ra", "dec")} == {
        key: ROWS[key] for key in ("id", "ra", "dec")
    }
    assert found["name"].str.replace("_", " ").tolist() == ROWS["name"]


@pytest.mark.parametrize("form", ["rdb", "fixed_width", "tab", "ipac"])
def test_tables_of_text_that_astropy_writes_are_read(form: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{'rdb' if form in ('rdb', 'tab') else 'txt'}"
    Table(ROWS).write(path, format=f"ascii.{form}")
    found = read_catalogue(path)
    assert {key: found[key].tolist() for key in ("id", "ra", "dec")} == {
        key: ROWS[key] for key in ("id", "ra", "dec")
    }


def test_a_word_that_is_also_a_type_is_a_value_beside_others(tmp_path: Path) -> None:
    found = read_catalogue(written(tmp_path / "a.csv", "id,kind\n1,double\n2,single\n"))
    assert found["kind"].tolist() == ["double", "single"]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("id,class\n1S,real\n2S,bogus\n", ["1S", "2S"]),
        ("name,type\nshort,text\nlong,prose\n", ["short", "long"]),
        ("name,type\nS,N\nN,S\n", ["S", "N"]),
        ("id,ra,dec\n#Column ra is J2000\ng1,1,2\ng2,3,4\n", ["g1", "g2"]),
        ("id,ra\n#Column ra, of J2000\n#Name: x\ng1,1\n", ["g1"]),
        ("name,a,b\n#g1,a,\n#g2,,\n#g3,b,1\n", ["#g1", "#g2", "#g3"]),
    ],
)
def test_galaxies_whose_names_look_like_types_or_comments_are_kept(
    text: str, first: list[str], tmp_path: Path
) -> None:
    found = read_catalogue(written(tmp_path / "a.csv", text))
    assert found.iloc[:, 0].tolist() == first


def test_a_second_table_in_a_file_is_refused(tmp_path: Path) -> None:
    text = f"id,ra,dec,name\n{LINES}#RESOURCE=2\n#Name: J/A+A/1\nid,mag,err,name\n1,17,2,b\n"
    with pytest.raises(DataError, match=r"several tables .*RESOURCE=2.*; keep one"):
        read_catalogue(written(tmp_path / "a.csv", text))


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_a_table_in_another_encoding_is_refused_with_what_to_do(
    encoding: str, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_bytes("id,name\n1,Möller\n".encode(encoding))
    with pytest.raises(DataError, match=r"table in UTF-8 .*; save it as such"):
        read_catalogue(tmp_path / "a.csv")


def test_columns_of_a_catalogue_that_may_be_redshift_or_position_are_named(galaxies: Any) -> None:
    data = dataclasses.replace(galaxies, redshift=np.full(len(galaxies), np.nan))
    data = dataclasses.replace(data, ra=data.redshift, dec=data.redshift)
    columns = pd.DataFrame({"id": data.ids[:3], "z": 0.1, "RA (hms)": "1:00", "DEC (dms)": "2:00"})
    notes = " ".join(joined(data, columns).notes)
    assert "call one redshift if it is (z)" in notes
    assert "RA (hms), DEC (dms) are not read as positions" in notes
    known = dataclasses.replace(data, redshift=np.full(len(data), 0.1))
    assert "call one redshift" not in " ".join(joined(known, columns).notes)


def test_a_row_of_units_may_have_dashes_where_there_is_none(tmp_path: Path) -> None:
    text = "objid,ra,dec\n---,deg,deg\n1,10.5,-20\n2,11,21\n"
    table = read_catalogue(written(tmp_path / "x.csv", text))
    assert [*table["ra"], *table["objid"]] == [10.5, 11, 1, 2]
    assert table.attrs["columns"]["ra"][0] == "deg"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("x.csv", "ra,dec\n1,10,20\n2,11,21\n", "3 values in its rows and 2 names"),
        ("x.txt", "# id ra dec\n1 10 20 5\n2 11 21 6\n", "4 values in its rows"),
        ("x.txt", "# id ra dec mass type\n1 10 20 5 Sa\n2 11 21 Sb\n", "fewer values"),
        ("x.txt", "# RA (deg) DEC (deg)\n10 20\n11 21\n", "2 values in its rows"),
        ("x.txt", "# a b b\n1 2 3\n", "two columns of the same name"),
        ("x.csv", "id,ra,dec,ra\n1,2,3,4\n", r"of the same name \(ra\); rename one"),
        ("x.csv", "# id,ra, ra\n1,2,3\n", "two columns of the same name"),
        ("x.txt", "== ===\nid x\n== ===\na 1\n== ===\n", "no names of columns"),
        ("x.csv", "# of\n# 2020\nid,v\na,1\nb,2,3\n", "line 5 has 3 values for 2 columns"),
        ("x.txt", "id v\na 1\nb 2 3\n", "line 3 has 3 values for 2 columns"),
    ],
)
def test_rows_that_do_not_fit_the_names_are_refused(
    name: str, text: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=message):
        read_catalogue(written(tmp_path / name, text))


def test_points_between_digits_in_threes_are_none_where_their_own_column_says_so(
    tmp_path: Path,
) -> None:
    text = (
        "id;ra;dec;near;mass;redshift;count\n"
        "a;10.684;41.269;1,2;1.234;1.234;1.234.567\nb;150.123;2.215;3,4;12.345;2.345;1.234\n"
    )
    table = read_catalogue(written(tmp_path / "x.csv", text))
    assert [*table["count"]] == [1234567, 1234]
    assert table[["ra", "dec", "near", "mass", "redshift"]].to_numpy().tolist() == [
        [10.684, 41.269, 1.2, 1.234, 1.234],
        [150.123, 2.215, 3.4, 12.345, 2.345],
    ]
    text = "id;ra;redshift\na;1.234.567;1.234,5\nb;1.234;1.234\n"
    table = read_catalogue(written(tmp_path / "x.csv", text))
    assert table[["ra", "redshift"]].iloc[1].tolist() == ["1.234", "1.234"]


@pytest.mark.parametrize("column", ["id", "Name", "objID", "source_id", "object name", "filename"])
@pytest.mark.parametrize("value", ["1.234.567", "1,5", "1.234,5"])
def test_points_and_commas_of_ids_and_names_stay(column: str, value: str, tmp_path: Path) -> None:
    table = read_catalogue(written(tmp_path / "x.csv", f"{column};mass\n{value};1,5\n"))
    assert table.iloc[0].tolist() == [value, 1.5]


@pytest.mark.parametrize("ending", ["ecsv", "fits"])
def test_complex_numbers_are_said_not_to_be_read(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"x.{ending}"
    Table({"id": ["a", "b"], "visibility": [1 + 2j, 3j], "mass": [1.5, 2]}).write(path)
    table = read_catalogue(path)
    assert [*table] == ["id", "mass"]
    assert table.attrs["unread"] == ["visibility"]


@pytest.mark.parametrize(("ending", "mark"), [("csv", ","), ("tsv", "\t"), ("txt", " ")])
def test_tables_that_were_joined_may_repeat_their_names(
    ending: str, mark: str, tmp_path: Path
) -> None:
    text = "id,ra,mass\na,10.5,1e9\nid,ra,mass\nb,11.5,2e9\n".replace(",", mark)
    table = read_catalogue(written(tmp_path / f"x.{ending}", text))
    assert table.to_dict("list") == {"id": ["a", "b"], "ra": [10.5, 11.5], "mass": [1e9, 2e9]}


@pytest.mark.parametrize(
    "heading",
    [
        "# id,ra,mass\n",
        "id,ra,mass\n,deg,kg\n",
        "id,ra,mass\n ,deg,kg\n--,---,----\n",
        "# id,ra,mass\n,deg,kg\n",
        ",id,ra,mass\n,,deg,kg\n",
    ],
)
def test_tables_that_were_joined_may_repeat_their_units_and_a_comment_of_names(
    heading: str, tmp_path: Path
) -> None:
    first = "," * heading.startswith(",")
    text = f"{heading}{first}a,10.5,1e9\n{heading}{first}b,11.5,2e9\n"
    table = read_catalogue(written(tmp_path / "x.csv", text))
    assert table.to_dict("list") == {"id": ["a", "b"], "ra": [10.5, 11.5], "mass": [1e9, 2e9]}


@pytest.mark.parametrize(
    "heading", ["# id ra dec\n#--------\n", "# made by hand, 2020\nid ra dec\n"]
)
def test_columns_of_text_are_named_by_the_line_that_fits_them(heading: str, tmp_path: Path) -> None:
    text = f"{heading}a#1 10 20\n'b c' 11 21\n".replace("'", '"')
    table = read_catalogue(written(tmp_path / "x.txt", text))
    assert {name: [*table[name]] for name in table} == {
        "id": ["a#1", "b c"],
        "ra": [10, 11],
        "dec": [20, 21],
    }


def test_an_empty_text_in_quotes_is_a_missing_value_between_blanks(tmp_path: Path) -> None:
    text = '# id ra\tmass kind\n1  0.5\t9.5 Sa \n\n2 0.7 "" "E, odd"\n'
    table = read_catalogue(written(tmp_path / "x.txt", text))
    assert [*table["kind"]] == ["Sa", "E, odd"]
    assert np.array_equal(table["mass"], [9.5, np.nan], equal_nan=True)


def test_a_catalogue_of_sextractor_is_read_as_astropy_reads_it(tmp_path: Path) -> None:
    text = (
        "#   1 NUMBER       Running object number\n"
        "#   2 ALPHA_J2000  Right ascension  [deg]\n"
        "#   3 DELTA_J2000  Declination  [deg]\n"
        "  1  10.5 -20.5\n  2  11.5 -21.5\n"
    )
    path = written(tmp_path / "x.txt", text)
    expected = Table.read(path, format="ascii.sextractor")
    table = read_catalogue(path)
    assert [*table] == expected.colnames
    assert np.array_equal(table.to_numpy(), np.array([*expected.itercols()]).T)


@pytest.mark.parametrize("number", ["123456", "9" * 400, "0" * 20 + "123456"])
def test_a_catalogue_of_sextractor_that_counts_without_end_is_refused(
    tmp_path: Path, number: str
) -> None:
    text = f"# 1 NUMBER  Running number\n# {number} ALPHA_J2000  Right ascension\n1 10.5\n"
    with pytest.raises(DataError, match=r"has 1 rows of (123,456|999,999,999) columns; at most"):
        read_catalogue(written(tmp_path / "x.txt", text))


MRT = """Title: Galaxies
Authors: Nobody
Table: Positions
================================================================================
Byte-by-byte Description of file: x.txt
--------------------------------------------------------------------------------
   Bytes Format Units  Label  Explanations
--------------------------------------------------------------------------------
   1-  7 A7     ---    Name   Name
   9- 13 F5.2   deg    RAdeg  Right ascension
  15- 20 F6.2   deg    DEdeg  ? Declination
--------------------------------------------------------------------------------
NGC 123 10.50 -20.50
NGC 124 11.50
"""


def test_a_machine_readable_table_of_a_journal_is_read_by_its_columns(tmp_path: Path) -> None:
    table = read_catalogue(written(tmp_path / "x.txt", MRT))
    assert [*table["Name"]] == ["NGC 123", "NGC 124"]
    assert [values[0] for values in positions(table)] == [10.5, -20.5]
    assert np.isnan(table["DEdeg"][1])


def test_times_quantities_and_positions_of_an_ecsv_are_columns(tmp_path: Path) -> None:
    from astropy import units
    from astropy.coordinates import SkyCoord
    from astropy.table import QTable
    from astropy.time import Time

    place = SkyCoord([10, 200], [-5, 60], unit="deg", frame="galactic")
    whole = QTable({"id": ["a", "b"], "place": place, "size": [1, 2] * units.arcmin})
    whole["seen"] = Time(["2020-01-01", "2021-06-01"])
    whole.write(tmp_path / "x.ecsv")
    table = read_catalogue(tmp_path / "x.ecsv")
    ra, dec = positions(table)
    assert place.icrs.separation(SkyCoord(ra, dec, unit="deg")).arcsec.max() < 1e-3
    assert [*table["size"]] == [1, 2]
    assert [*table["seen"]] == ["2020-01-01", "2021-06-01"]


@pytest.mark.parametrize("wide", [np.uint64, np.int64])
def test_numbers_of_64_bits_keep_every_digit(wide: Any, tmp_path: Path) -> None:
    numbers = np.array([np.iinfo(wide).max, 5], wide)
    Table({"ra": [1.0, 2.0], "n": numbers}).write(tmp_path / "x.fits")
    table = read_catalogue(tmp_path / "x.fits")
    assert [int(number) for number in table["n"]] == numbers.tolist()


@pytest.mark.parametrize(("scale", "zero"), [(1, 32768), (0.5, 10.0)])
def test_scaled_numbers_that_mean_missing_are_none(
    scale: float, zero: float, tmp_path: Path
) -> None:
    stored = np.array([-7, 100, -32768], ">i2")
    cards = {"XTENSION": "BINTABLE", "BITPIX": 8, "NAXIS": 2, "NAXIS1": 2, "NAXIS2": 3}
    cards |= {"PCOUNT": 0, "GCOUNT": 1, "TFIELDS": 1, "TTYPE1": "n", "TFORM1": "I"}
    cards |= {"TNULL1": -32768, "TSCAL1": scale, "TZERO1": zero}
    header = fits.Header(list(cards.items()))
    content = fits.PrimaryHDU().header.tostring() + header.tostring()
    path = tmp_path / "x.fits"
    path.write_bytes(content.encode() + stored.tobytes().ljust(2880, b"\0"))
    found = read_catalogue(path)["n"].to_numpy(dtype=np.float64)
    expected = np.where(stored == -32768, np.nan, stored.astype(np.float64) * scale + zero)
    assert np.array_equal(found, expected, equal_nan=True)


def test_the_table_of_galaxies_is_read_of_several(tmp_path: Path) -> None:
    card = fits.BinTableHDU(Table({"Field Header Card": ["SIMPLE"]}), name="LDAC_IMHEAD")
    objects = fits.BinTableHDU(Table({"ALPHA_J2000": [10.0], "DELTA_J2000": [20.0]}))
    fits.HDUList([fits.PrimaryHDU(), card, objects]).writeto(tmp_path / "x.fits")
    assert [*read_catalogue(tmp_path / "x.fits")] == ["ALPHA_J2000", "DELTA_J2000"]


def test_text_of_several_values_a_row_is_left_out(tmp_path: Path) -> None:
    names = fits.Column("names", "8A", dim="(4,2)", array=np.array([["ab", "cd"]]))
    columns = [fits.Column("ra", "D", array=[1.0]), names]
    fits.BinTableHDU.from_columns(columns).writeto(tmp_path / "x.fits")
    assert [*read_catalogue(tmp_path / "x.fits")] == ["ra"]


def test_a_file_without_a_table_is_not_called_damaged(tmp_path: Path) -> None:
    fits.PrimaryHDU(np.ones((4, 4))).writeto(tmp_path / "x.fits")
    with pytest.raises(DataError, match=r"^\S+x\.fits holds no table with columns\.$"):
        read_catalogue(tmp_path / "x.fits")


COOSYS = """<VOTABLE version="1.3" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE>
<COOSYS ID="c" system="{}" equinox="{}"/><TABLE><FIELD name="x" datatype="int"/><DATA><TABLEDATA>
<TR><TD>1</TD></TR></TABLEDATA></DATA></TABLE><TABLE>
<FIELD name="RA" datatype="double" unit="deg" ref="c"/>
<FIELD name="DEC" datatype="double" unit="deg" ref="c"/><DATA><TABLEDATA>
<TR><TD>10</TD><TD>20</TD></TR></TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>"""


@pytest.mark.parametrize("ending", ["vot", "fits"])
@pytest.mark.parametrize(
    ("system", "equinox", "far"),
    [
        ("ICRS", "J2000", False),
        ("FK5", "J2000", False),
        ("FK4", "B1950", True),
        ("FK5", "J1975", True),
    ],
)
def test_positions_of_another_frame_are_refused_and_never_taken_for_icrs(
    ending: str, system: str, equinox: str, far: bool, tmp_path: Path
) -> None:
    path = tmp_path / f"x.{ending}"
    if ending == "vot":
        path.write_text(COOSYS.format(system if system == "ICRS" else f"eq_{system}", equinox))
    else:
        table = fits.BinTableHDU(Table({"RA": [10.0], "DEC": [20.0]}))
        table.header.update({"RADESYS": system, "EQUINOX": float(equinox[1:])})
        table.writeto(path)
    found = read_catalogue(path)
    assert [*found] == ["RA", "DEC"]
    if far:
        with pytest.raises(DataError, match=f"are in (eq_)?{system} .*{equinox[1:]}"):
            positions(found)
    else:
        assert [values.tolist() for values in positions(found)] == [[10], [20]]


@pytest.mark.parametrize("unit", ["DEG", "deg.", "Degree", "degrees"])
def test_degrees_are_known_however_they_are_written(unit: str, tmp_path: Path) -> None:
    columns = [fits.Column(name, "D", unit=unit, array=[10.0]) for name in ("ra", "dec")]
    fits.BinTableHDU.from_columns(columns).writeto(tmp_path / "x.fits")
    assert [*map(np.ndarray.item, positions(read_catalogue(tmp_path / "x.fits")))] == [10, 10]


def test_the_unit_may_stand_in_the_name_of_a_position(tmp_path: Path) -> None:
    table = read_catalogue(written(tmp_path / "x.csv", "RA (deg),Dec [degrees]\n10,-20\n"))
    assert [*map(np.ndarray.item, positions(table))] == [10, -20]
    hours = read_catalogue(written(tmp_path / "y.csv", "RA (h),Dec (deg)\n10,-20\n"))
    with pytest.raises(DataError, match=r"no columns ra and dec \(found: RA \(h\)"):
        match(aj.open_dataset("simulated:5"), hours)


def test_ids_whose_rows_lie_elsewhere_are_said(galaxies) -> None:
    rows = pd.DataFrame({"id": galaxies.ids, "ra": galaxies.ra, "dec": galaxies.dec})
    assert "lie more than" not in str(match(galaxies, rows))
    rows["dec"] = -rows["dec"]
    found = match(galaxies, rows)
    assert found.by == "id"
    away = separation(galaxies.ra, galaxies.dec, rows["ra"], rows["dec"])
    assert found.far == (away > 60).sum() > 20
    assert f"{found.far} of these rows lie more than 60 arcsec from their galaxy" in str(found)


def test_decimal_commas_are_read_where_semicolons_separate(tmp_path: Path) -> None:
    table = read_catalogue(written(tmp_path / "x.csv", "ra;dec;mass\n10,5;-20,25;1,5e3\n"))
    assert table.to_numpy().tolist() == [[10.5, -20.25, 1500.0]]
    table = read_catalogue(written(tmp_path / "y.csv", 'ra,dec,mass\n10.5,-20.25,"1,500"\n'))
    assert [*table["mass"]] == ["1,500"]  # a thousand and a half, or one and a half: text


def test_a_comment_of_as_many_words_as_the_names_below_it_is_no_names(tmp_path: Path) -> None:
    table = read_catalogue(written(tmp_path / "x.csv", "# TOPCAT, 2026\nra,dec\n10,-20\n"))
    assert table.to_dict("list") == {"ra": [10], "dec": [-20]}
    table = read_catalogue(written(tmp_path / "y.csv", "# ra,dec\n10,-20\n"))
    assert table.to_dict("list") == {"ra": [10], "dec": [-20]}


def test_an_ascii_table_of_fits_gives_the_numbers_words_and_gaps_of_its_text(tmp_path: Path):
    columns = [
        fits.Column("NAME", "A8", array=["M 31", "007", ""]),
        fits.Column("RA", "F11.6", unit="deg", array=[10.684708, 23.4621, 1.5]),
        fits.Column("DEC", "F11.6", unit="deg", array=[41.26875, -30.66, -0.25]),
        fits.Column("MAG", "D15.7", array=[3.44, -1.5e-7, 2.5], null="-"),
        fits.Column("N", "I5", array=[12, -3, 0], ascii=True, null="*"),
        fits.Column("DIAM", "I4", array=[17, 15, 11], ascii=True),
    ]
    table = fits.TableHDU.from_columns(columns)
    table.header.update({"TSCAL6": 0.5, "TZERO6": 1.0})
    table.writeto(tmp_path / "c.fits")
    text = (tmp_path / "c.fits").read_bytes().replace(b"2.5000000D+00", b"-".rjust(13))
    (tmp_path / "c.fits").write_bytes(text.replace(b"-0.250000    ", b" " * 13))
    found = read_catalogue(tmp_path / "c.fits")
    assert found["NAME"].tolist() == ["M 31", "007", ""]
    assert found["RA"].tolist() == [10.684708, 23.4621, 1.5]
    assert found["DEC"].tolist()[:2] == [41.26875, -30.66]
    assert np.isnan(found["DEC"][2])
    assert found["MAG"].tolist()[:2] == [3.44, -1.5e-7]
    assert np.isnan(found["MAG"][2])
    assert found["N"].tolist() == [12, -3, 0]
    assert found["DIAM"].tolist() == fits.getdata(tmp_path / "c.fits")["DIAM"].tolist()
    assert found.attrs["columns"]["RA"] == ("deg", "")


@pytest.mark.parametrize("kind", [fits.TableHDU, fits.BinTableHDU])
@pytest.mark.parametrize("side", ["NAXIS1", "NAXIS2", "PCOUNT"])
def test_a_table_of_fits_without_axes_is_as_large_as_its_sides_say(
    tmp_path: Path, kind: Any, side: str
) -> None:
    table = kind.from_columns(
        [fits.Column("RA", "F9.5" if kind is fits.TableHDU else "D", array=[1])]
    )
    path = tmp_path / "c.fits"
    table.writeto(path)
    content = path.read_bytes().replace(
        b"NAXIS   =                    2", b"CONTINUE=                    2"
    )
    start = content.index(side.encode() + b" ", 2880)
    claim = f"{side:8}= {2**31 - 1:20}".encode()
    path.write_bytes(content[:start] + claim + content[start + len(claim) :])
    with pytest.raises(DataError, match="is cut short"):
        read_catalogue(path)


@pytest.mark.parametrize("unit", ["rad", "hourangle"])
def test_positions_of_an_ascii_table_in_other_units_become_degrees(unit: str, tmp_path: Path):
    place = [0.5, 1.25] * units.Unit(unit)
    columns = [fits.Column(name, "F9.5", unit=unit, array=place.value) for name in ("ra", "dec")]
    fits.TableHDU.from_columns(columns).writeto(tmp_path / "c.fits")
    np.testing.assert_allclose(read_catalogue(tmp_path / "c.fits")["ra"], place.to_value("deg"))


def test_columns_of_a_votable_are_called_by_their_names_whatever_their_ids(tmp_path: Path):
    Table({"ra": [1.0], "dec": [2.0], "p_Sa": [0.5]}).write(tmp_path / "c.vot", format="votable")
    text = (tmp_path / "c.vot").read_text()
    for place, name in enumerate(("ra", "dec", "p_Sa"), 1):
        text = text.replace(f'ID="{name}"', f'ID="col{place}"')
    text = text.replace('name="p_Sa"', 'name="p Sa"')
    (tmp_path / "c.vot").write_text(text)
    assert 'ID="col1"' in text
    assert list(read_catalogue(tmp_path / "c.vot").columns) == ["ra", "dec", "p Sa"]


SEPARATED = {
    "c.txt": "# id | ra | dec\na | 10 | -2\nb | 11 | 3\n",
    "commas.txt": "# id, ra, dec\na, 10, -2\nb, 11, 3\n",
    "c.dat": "id\tra\tdec\na\t10\t-2\nb\t11\t3\n",
    "ruled.txt": "id ra dec\n-- -- ---\na 10 -2\nb 11 3\n",
    "units.csv": "id,ra,dec\n,deg,deg\na,10,-2\nb,11,3\n",
    "last.csv": "id,ra,dec,\na,10,-2,\nb,11,3,\n",
    "c.tbl": "",
}


@pytest.mark.parametrize("name", SEPARATED)
def test_text_tables_are_read_however_their_values_are_separated(name: str, tmp_path: Path) -> None:
    text = SEPARATED[name]
    if name == "c.tbl":
        table = Table({"id": ["a", "b"], "ra": [10.0, 11.0] * units.deg, "dec": [-2.0, 3.0]})
        table.write(tmp_path / name, format="ipac")
    else:
        (tmp_path / name).write_text(text)
    found = read_catalogue(tmp_path / name)
    assert list(found.columns) == ["id", "ra", "dec"]
    assert found["id"].tolist() == ["a", "b"]
    assert np.stack(positions(found)).tolist() == [[10, 11], [-2, 3]]


def test_the_names_of_a_vizier_table_are_no_comment_and_its_equinox_counts(tmp_path: Path) -> None:
    told = "#Column\tRAB\t(F8.4)\tRight ascension ({})\t[ucd=pos.eq.ra]\n"
    rows = "Name\t_RA\tRAJ2000\tDEJ2000\tz\n\tdeg\tdeg\tdeg\t\n--\t--\t--\t--\t-\na\t1\t2\t3\t0.1\n"
    for equinox in ("J2000", "B1950"):
        text = told.format(equinox).replace("RAB", "RAJ2000") + rows
        (tmp_path / "c.tsv").write_text(text)
        found = read_catalogue(tmp_path / "c.tsv")
        assert found["z"].tolist() == [0.1]
        assert found.attrs["columns"]["RAJ2000"] == ("deg", f"Right ascension ({equinox})")
    with pytest.raises(DataError, match="are in B1950"):
        positions(found)


def test_positions_with_decimal_commas_are_refused(tmp_path: Path) -> None:
    (tmp_path / "c.tsv").write_text("id\tra\tdec\na\t10,5\t-1,5\n")
    with pytest.raises(DataError, match="has a comma; write numbers with decimal points"):
        positions(read_catalogue(tmp_path / "c.tsv"))


def test_units_that_astropy_keeps_in_a_parquet_file_count(tmp_path: Path) -> None:
    table = Table({"ra": [10.0, 20.0] * units.deg, "m": [1.0, 2.0] * units.Jy})
    table["dec"] = ([-1.5, 0.25] * units.deg).to(units.rad)
    table["m"].description = "flux"
    table.write(tmp_path / "c.parquet")
    found = read_catalogue(tmp_path / "c.parquet")
    np.testing.assert_allclose(positions(found), [[10, 20], [-1.5, 0.25]])
    assert found.attrs["columns"]["m"] == ("Jy", "flux")


def test_truths_are_the_same_words_in_every_format(tmp_path: Path) -> None:
    column = MaskedColumn([True, False, True], mask=[False, False, True])
    table = Table({"id": ["a", "b", "c"], "barred": column})
    table.write(tmp_path / "c.ecsv")
    table.write(tmp_path / "c.vot", format="votable")
    table.to_pandas().to_parquet(tmp_path / "c.parquet")
    (tmp_path / "c.csv").write_text("id,barred\na,True\nb,FALSE\nc,\n")
    letters = [
        fits.Column("id", "1A", array=["a", "b", "c"]),
        fits.Column("barred", "L", array=[1, 0, 1]),
    ]
    fits.BinTableHDU.from_columns(letters).writeto(tmp_path / "c.fits")
    raw = (tmp_path / "c.fits").read_bytes()
    (tmp_path / "c.fits").write_bytes(raw.replace(b"aTbFcT", b"aTbFc\0"))
    for ending in ("ecsv", "vot", "parquet", "csv", "fits"):
        found = read_catalogue(tmp_path / f"c.{ending}")["barred"].tolist()
        assert found == ["true", "false", ""], ending


def test_packed_tables_and_cells_of_one_number_in_fits_are_read(tmp_path: Path) -> None:
    columns = [
        fits.Column("ra", "D", array=[1.0, 2.0]),
        fits.Column("dec", "1E", dim="(1)", array=np.array([[3.0], [4.0]])),
    ]
    fits.BinTableHDU.from_columns(columns).writeto(tmp_path / "c.fits.gz")
    assert read_catalogue(tmp_path / "c.fits.gz")["dec"].tolist() == [3, 4]


def test_numbers_of_fortran_are_numbers(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("id,x\na,1.5D+02\nb,-2.5d-01\nc,3\n")
    assert read_catalogue(tmp_path / "c.csv")["x"].tolist() == [150, -0.25, 3]


@pytest.mark.parametrize(
    "text",
    [
        "id,x,y\na,bad,worse\nb,1,2\nc,3,4\n",
        "id,x,y\na,,nodata\nb,1,2\nc,3,4\n",
        "id,x,y\na,m,s\nb,1,2\nc,3,4\n",
        "x,y,kind\nm,s,Sa\n1,2,E\n3,4,E\n",
    ],
)
def test_a_first_galaxy_of_words_is_not_taken_for_units(text: str, tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text(text)
    assert len(read_catalogue(tmp_path / "c.csv")) == 3


@pytest.mark.parametrize(
    "text",
    [
        "# name ra dec\nSmith,J 1 2\nDoe,K 3 4\n",
        "# id ra dec\na\t1\t2\nb\t3\t4\n",
        "# made by hand\nid,ra,dec\na,1,2\nb,3,4\n",
    ],
)
def test_a_mark_within_values_does_not_divide_what_blanks_do(text: str, tmp_path: Path) -> None:
    (tmp_path / "c.txt").write_text(text)
    assert np.stack(positions(read_catalogue(tmp_path / "c.txt"))).tolist() == [[1, 3], [2, 4]]


@pytest.mark.parametrize(
    ("values", "numbers"),
    [
        (["1,234", "1,234,567", "7"], [1234, 1234567, 7]),
        (["1,234.5", "-12"], [1234.5, -12]),
        (["1 234", "-7"], [1234, -7]),
        (["1\N{NARROW NO-BREAK SPACE}234.5", "7"], [1234.5, 7]),
        (["1'234", "7"], [1234, 7]),
        (["\N{MINUS SIGN}21.5", "\N{MINUS SIGN}99"], [-21.5, np.nan]),
        (["-0.9999995e9", "-99999999"], [np.nan, np.nan]),  # of the archives of UKIDSS and VISTA
    ],
)
def test_numbers_are_read_however_print_and_archives_write_them(
    values: list[str], numbers: list[float], tmp_path: Path
) -> None:
    rows = "".join(f'{row},"{value}"\n' for row, value in enumerate([*values, "1"]))
    (tmp_path / "c.csv").write_text(f"id,x\n{rows}")
    np.testing.assert_array_equal(read_catalogue(tmp_path / "c.csv")["x"], [*numbers, 1])


def test_thousands_are_divided_by_points_blanks_or_apostrophes_where_commas_are_decimal(
    tmp_path: Path,
) -> None:
    text = "id;x;y;z\na;1.234,5;1.234;\N{MINUS SIGN}12 345,6\nb;7;2.5;1'234,5\nc;-99.0;-99;7890\n"
    (tmp_path / "c.csv").write_text(text)
    table = read_catalogue(tmp_path / "c.csv")
    expected = [[1234.5, 7, np.nan], [1.234, 2.5, np.nan], [-12345.6, 1234.5, 7890]]
    np.testing.assert_array_equal(table[["x", "y", "z"]].T, expected)


def test_commas_that_may_be_decimal_are_said(galaxies, tmp_path: Path) -> None:
    a, b = galaxies.ids[:2]
    text = f'id,mass,size,name\n{a},"1,234","1 234,5","A,1"\n{b},7,"\N{MINUS SIGN}2,5","B,2"\n'
    (tmp_path / "c.csv").write_text(text)
    found = joined(galaxies, read_catalogue(tmp_path / "c.csv"), name="sdss")
    assert found.table["mass"].iloc[0] == "1,234"
    assert found.notes[-1].startswith(
        "Catalogue sdss: Numbers with commas, which may be decimal, are read as words (mass, size, "
        "such as 1,234); write them"
    )


def test_ids_that_look_like_numbers_stay_as_they_are_written(galaxies, tmp_path: Path) -> None:
    galaxies = dataclasses.replace(galaxies.subset([0, 1]), ids=np.array(["3.1", "12E3"]))
    (tmp_path / "c.csv").write_text("id,x\n3.10,1\n12E3,2\n")
    assert match(galaxies, read_catalogue(tmp_path / "c.csv")).rows.tolist() == [-1, 1]


@pytest.mark.parametrize("lost", [[float(LONG_ID), 5.0], ["1.23764872014240E+18", "5"]])
def test_ids_of_a_catalogue_that_lost_digits_name_no_galaxy(galaxies, lost: list[Any]) -> None:
    catalogue = pd.DataFrame({"id": lost})
    galaxies = dataclasses.replace(galaxies, ids=np.full(60, f"{float(LONG_ID):.0f}"))
    with pytest.raises(DataError, match=r"The id of the catalogue lost digits, .* leave them out"):
        match(galaxies, catalogue)
    placed = catalogue.assign(ra=galaxies.ra[:2], dec=galaxies.dec[:2])
    assert match(galaxies, placed).by == "position"
    with pytest.raises(DataError, match="lost digits"):
        match(galaxies, placed, by="id")


def test_accents_are_the_same_however_they_are_written(galaxies) -> None:
    names = np.array(["Gál", "Ga\N{COMBINING ACUTE ACCENT}l"])
    for own, other in (names, names[::-1]):
        ids = pd.DataFrame({"file": [own]})
        known = dataclasses.replace(galaxies.subset([0]), ids=name_galaxies(ids))
        assert match(known, pd.DataFrame({"id": [other]})).rows.tolist() == [0]
    keys = [id_keys(pa.array([name]), "") for name in names]
    assert keys[0] == keys[1]


def votable_of_a_service(status: str, said: str, table: str) -> str:
    return (
        '<?xml version="1.0"?><VOTABLE version="1.3" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">'
        f'<RESOURCE type="results">{table}<INFO name="QUERY_STATUS" value="{status}">{said}</INFO>'
        "</RESOURCE></VOTABLE>"
    )


def test_rows_that_a_service_left_out_are_said(galaxies, tmp_path: Path, capsys) -> None:
    rows = "".join(f"<TR><TD>{name}</TD></TR>" for name in galaxies.ids[:3])
    field = '<FIELD name="id" datatype="char" arraysize="*"/>'
    table = f"<TABLE>{field}<DATA><TABLEDATA>{rows}</TABLEDATA></DATA></TABLE>"
    for status in ("OK", "OVERFLOW"):
        (tmp_path / "c.vot").write_text(votable_of_a_service(status, "", table))
        notes = joined(galaxies, read_catalogue(tmp_path / "c.vot"), name="gaia").notes
        assert ("left out rows" in notes[-1]) == (status == "OVERFLOW")
    inside = f'<RESOURCE>{table}<INFO name="QUERY_STATUS" value="OVERFLOW"/></RESOURCE>'
    (tmp_path / "c.vot").write_text(votable_of_a_service("OK", "", inside))
    options = ["--data", "simulated:60", "--out", str(tmp_path / "found.csv")]
    assert main(["match", str(tmp_path / "c.vot"), *options]) == 0
    assert (
        "3 of 60 galaxies matched by id. Catalogue c: its service left" in capsys.readouterr().out
    )


def test_what_a_service_says_instead_of_a_table_is_said(tmp_path: Path) -> None:
    (tmp_path / "c.xml").write_text(votable_of_a_service("ERROR", "no table dr99", ""))
    with pytest.raises(DataError, match=r"c\.xml holds no table \(no table dr99\); fetch it again"):
        read_catalogue(tmp_path / "c.xml")
    (tmp_path / "c.xml").write_text(votable_of_a_service("OK", "", ""))
    with pytest.raises(DataError, match=r"holds no table \(it is empty\)"):
        read_catalogue(tmp_path / "c.xml")


def test_what_databases_and_iraf_write_for_missing_is_missing(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("id,x,y\na,\\N,INDEF\nb,2,3\n")
    table = read_catalogue(tmp_path / "c.csv")
    np.testing.assert_array_equal(table[["x", "y"]], [[np.nan, np.nan], [2, 3]])
