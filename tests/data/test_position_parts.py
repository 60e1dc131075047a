"""Positions in columns of hours, minutes and seconds, against astropy's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy import units
from astropy.coordinates import SkyCoord
from astropy.table import Column, Table
from PIL import Image
from pyarrow import parquet

import astrojepa as aj
from astrojepa.data import DataError
from astrojepa.data.catalogue import positions, read_catalogue
from astrojepa.data.position_parts import joined_parts

PLACES = (
    "05 02 09.75 +23 18 00.5",
    "00 42 44.3 -00 16 09",
    "23 59 59.9 -61 52 43",
    "12 00 00 +0 0 0",
)
ENDINGS = ("csv", "tsv", "txt", "mrt.txt", "ecsv", "vot", "fits", "parquet")


ALIGNED = (
    "05 02 09.75 +23 18 00.5",
    "00 42 44.30 -00 16 09.0",
    "23 59 59.90 -61 52 43.0",
    "12 00 00.00 +00 00 00.0",
)
RULE = "-" * 80
MRT = f"""Title: Galaxies
Authors: Nobody
Table: Positions
{"=" * 80}
Byte-by-byte Description of file: table.dat
{RULE}
   Bytes Format Units  Label Explanations
{RULE}
   1-  2 A2     ---    Name  Name
   4-  5 I2     h      RAh   Hour of Right Ascension (J2000)
   7-  8 I2     min    RAm   Minute of Right Ascension (J2000)
  10- 14 F5.2   s      RAs   Second of Right Ascension (J2000)
  16     A1     ---    DE-   Sign of the Declination (J2000)
  17- 18 I2     deg    DEd   Degree of Declination (J2000)
  20- 21 I2     arcmin DEm   Arcminute of Declination (J2000)
  23- 26 F4.1   arcsec DEs   Arcsecond of Declination (J2000)
{RULE}
{{}}
"""


def expected() -> SkyCoord:
    return SkyCoord(PLACES, unit=(units.hourangle, units.deg))


def in_parts() -> Table:
    table = Table({"Name": [f"g{row}" for row in range(len(PLACES))]})
    for place, name in enumerate(("RAh", "RAm", "RAs", "DEd", "DEm", "DEs")):
        if name == "DEd":
            table["DE-"] = Column([text.split()[3][0] for text in PLACES], description="Sign")
        words = [text.split()[place].lstrip("+-") for text in PLACES]
        kind = float if name.endswith("s") else int
        table[name] = Column([kind(word) for word in words], description=name)
    return table


def write(table: Table, path: Path) -> Path:
    if path.suffix == ".parquet":
        table.to_pandas().to_parquet(path)
    elif path.name.endswith(".mrt.txt"):
        # astropy's writer forgets the sign of -00
        rows = "\n".join(f"g{row} {text}" for row, text in enumerate(ALIGNED))
        path.write_text(MRT.format(rows))
    elif path.suffix in (".csv", ".tsv", ".txt"):
        separator = {".csv": ",", ".tsv": "\t", ".txt": " "}[path.suffix]
        table.to_pandas().to_csv(path, index=False, sep=separator)
    else:
        table.write(path, format="votable" if path.suffix == ".vot" else None)
    return path


@pytest.mark.parametrize("ending", ENDINGS)
def test_positions_in_parts_are_those_of_astropy_in_every_format(
    ending: str, tmp_path: Path
) -> None:
    table = read_catalogue(write(in_parts(), tmp_path / f"c.{ending}"))
    ra, dec = positions(table)
    found = SkyCoord(ra, dec, unit="deg")
    assert found.separation(expected()).arcsec.max() < 1e-4
    assert np.signbit(dec[1])  # -00 16 09


def test_a_machine_readable_table_without_seconds_of_arc_is_read(tmp_path: Path) -> None:
    table = in_parts()
    table.remove_columns(["DEs", "RAs"])
    ra, dec = positions(read_catalogue(write(table, tmp_path / "c.csv")))
    short = [f"{w[0]} {w[1]} 0 {w[3]} {w[4]} 0" for w in map(str.split, PLACES)]
    wanted = SkyCoord(short, unit=(units.hourangle, units.deg))
    assert SkyCoord(ra, dec, unit="deg").separation(wanted).arcsec.max() < 1e-4


def test_the_sign_of_minus_nought_degrees_is_kept_without_its_own_column(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("RAh,RAm,RAs,DEd,DEm,DEs\n1,0,0,-00,30,0\n1,0,0,00,30,0\n")
    assert positions(read_catalogue(tmp_path / "c.csv"))[1].tolist() == [-0.5, 0.5]


def test_whole_degrees_that_lost_their_sign_are_no_position(tmp_path: Path) -> None:
    frame = pd.DataFrame({"RAh": [1, 1, 1], "DEd": [-5, 0, 7], "DEm": [30, 30, 30]})
    frame.to_parquet(tmp_path / "c.parquet")
    dec = positions(read_catalogue(tmp_path / "c.parquet"))[1]
    assert dec[[0, 2]].tolist() == [-5.5, 7.5]
    assert np.isnan(dec[1])


def test_a_missing_part_is_no_position(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text(
        "RAh,RAm,RAs,DE-,DEd,DEm\n1,2,,+,3,4\n1,2,3,-,3,\n1,2,3,+,3,4\n"
    )
    found = np.isfinite(positions(read_catalogue(tmp_path / "c.csv")))
    assert found.all(axis=0).tolist() == [False, False, True]


@pytest.mark.parametrize(("part", "value"), [("RAh", 25), ("RAm", 75), ("DEd", 95), ("RAs", -3)])
def test_parts_of_no_position_are_refused(part: str, value: int, tmp_path: Path) -> None:
    frame = in_parts().to_pandas()
    frame.loc[2, part] = value
    frame.to_csv(tmp_path / "c.csv", index=False)
    with pytest.raises(DataError, match=rf"{part} of row 2 is {value}"):
        read_catalogue(tmp_path / "c.csv")


def test_positions_of_1950_that_a_description_tells_are_refused(tmp_path: Path) -> None:
    path = write(in_parts(), tmp_path / "c.mrt.txt")
    path.write_text(path.read_text().replace("J2000", "B1950"))
    with pytest.raises(DataError, match="positions of the catalogue are in B1950"):
        positions(read_catalogue(path))


@pytest.mark.parametrize("kind", ["labels.csv", "parquet"])
def test_galaxies_have_their_positions_in_parts(kind: str, tmp_path: Path) -> None:
    frame = in_parts().to_pandas()
    frame["file"] = [f"{name}.png" for name in frame["Name"]]
    for name in frame["file"]:
        Image.new("RGB", (8, 8)).save(tmp_path / name)
    if kind == "parquet":
        frame["image"] = [(tmp_path / name).read_bytes() for name in frame.pop("file")]
        frame.to_parquet(tmp_path / "c.parquet")
        data = aj.open_dataset(tmp_path / "c.parquet")
        assert parquet.read_schema(tmp_path / "c.parquet").names[-1] == "image"
    else:
        frame.to_csv(tmp_path / kind, index=False)
        data = aj.open_dataset(tmp_path)
    assert SkyCoord(data.ra, data.dec, unit="deg").separation(expected()).arcsec.max() < 1e-4
    assert not [note for note in data.notes if "position" in note]


def test_other_names_of_parts_are_said_not_to_be_read(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    (tmp_path / "labels.csv").write_text("file,RA_h,RA_m,Dec_d,Dec_m\na.png,1,2,3,4\n")
    data = aj.open_dataset(tmp_path)
    assert np.isnan(data.ra).all()
    assert any("RA_h, RA_m, Dec_d, Dec_m are not read as positions" in n for n in data.notes)


@pytest.mark.parametrize(
    ("said", "old"),
    [
        ("Right ascension (B1950)", "B1950"),
        ("RA, equinox 1900", "equinox 1900"),
        ("RA in FK4", "FK4"),
        ("Right ascension 1950.0", "1950.0"),
        ("RA from Schlegel et al. 1998", ""),
        ("Right ascension (ICRS, Epoch=J1991.25)", ""),
        ("RA (J2000), precessed from B1950", ""),
    ],
)
def test_an_equinox_is_told_from_the_year_of_a_paper_or_an_epoch(
    said: str, old: str, tmp_path: Path
) -> None:
    table = Table({"ra": [10.0], "dec": [2.0]})
    table["ra"].description = said
    table.write(tmp_path / "c.ecsv")
    found = read_catalogue(tmp_path / "c.ecsv")
    if old:
        with pytest.raises(DataError, match=f"positions of the catalogue are in {old}, expected"):
            positions(found)
    else:
        assert np.concatenate(positions(found)).tolist() == [10, 2]


def test_a_sign_that_a_spreadsheet_must_not_run_is_a_sign(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("RAh,DE-,DEd\n1,'-,5\n1,'+,5\n")
    assert positions(read_catalogue(tmp_path / "c.csv"))[1].tolist() == [-5, 5]


@pytest.mark.parametrize("gap", [[], [None]])
def test_zero_degrees_among_southern_integers_have_lost_their_sign(gap: list[None]) -> None:
    count = 3 + len(gap)
    degrees = pd.Series([-5, 0, 5, *gap], dtype="Int64")
    table = pd.DataFrame({"RAh": [1] * count, "DEd": degrees, "DEm": [30] * count})
    plain = table.assign(DEd=degrees.astype(float) if gap else degrees.astype(int))
    dec = joined_parts(plain)[1]
    np.testing.assert_array_equal(dec[:3], [-5.5, np.nan, 5.5])


def test_a_negative_zero_keeps_its_sign() -> None:
    table = pd.DataFrame({"RAh": [1.0, 1.0], "DEd": [-0.0, -5.0], "DEm": [30.0, 0.0]})
    assert joined_parts(table)[1].tolist() == [-0.5, -5.0]
