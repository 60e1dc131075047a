"""Tables as files, read back by astropy and pyarrow."""

from __future__ import annotations

import io
import sys
import warnings
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from astropy.io import fits, votable
from astropy.table import Table
from astropy.units import Unit
from pyarrow import parquet

from astrojepa.tables import ESCAPED, WRITERS, Column, check_table, table_bytes, write_table

IDS = ["587722981741625344", "M 87", "=1+1"]
SCORES = [1 / 3, np.nan, -2e-7]
COLUMNS = [
    Column("rank", [1, 2, 3], "place in the list"),
    Column("id", IDS, "name of the galaxy"),
    Column("score", SCORES, "larger = more anomalous"),
    Column("label", ["Sa", "", "E"], "class"),
    Column("ra", [187.70593076725, np.nan, 0.1], "right ascension", "deg", digits=0),
    Column("dec", [12.391123246083, np.nan, -0.1], "declination", "deg", in_csv=False),
]
FACTS = {
    "creator": "astrojepa 0.1.0",
    "model": "small.lejepa",
    "model_hash": "0123456789abcdef",
    "data_fingerprint": "fedcba9876543210",
    "k": 20,
}
NAMES = [column.name for column in COLUMNS]


def written(tmp_path: Path, ending: str) -> Path:
    path = tmp_path / f"table{ending}"
    write_table(path, COLUMNS, FACTS)
    return path


def test_csv_has_six_digits_empty_cells_and_no_formulas(tmp_path: Path) -> None:
    assert written(tmp_path, ".csv").read_text() == (
        "rank,id,score,label,ra\n"
        "1,587722981741625344,0.333333,Sa,187.70593076725\n"
        "2,M 87,,,\n"
        "3,'=1+1,-2e-07,E,0.1\n"
    )


@pytest.mark.parametrize("ending", [".ecsv", ".vot", ".xml", ".fits"])
def test_astropy_reads_back_names_values_units_and_descriptions(
    tmp_path: Path, ending: str
) -> None:
    path = written(tmp_path, ending)
    kind = {".ecsv": "ascii.ecsv", ".fits": "fits"}.get(ending, "votable")
    table = Table.read(path, format=kind)
    assert table.colnames == NAMES
    assert [str(name) for name in table["id"]] == IDS
    assert table["rank"].tolist() == [1, 2, 3]
    assert table["rank"].dtype.kind == "i"
    for name in ("score", "ra", "dec"):
        expected = next(column for column in COLUMNS if column.name == name).values
        np.testing.assert_array_equal(np.ma.filled(table[name].astype(float), np.nan), expected)
    labels = [str(label) for label in np.ma.filled(table["label"].astype(str), "")]
    assert labels == ["Sa", "", "E"]
    assert str(table["ra"].unit) == str(table["dec"].unit) == "deg"
    assert table["score"].unit is None
    if ending != ".fits":  # whose TCOMM astropy leaves in the header
        assert table["score"].description == "larger = more anomalous"


def test_every_identifier_of_a_votable_stands_once(tmp_path: Path) -> None:
    columns = [*COLUMNS, Column("p Sa", SCORES, "first"), Column("p_Sa", SCORES, "second")]
    write_table(tmp_path / "table.vot", columns, {**FACTS, "score": "knn", "p_Sa": 1})
    elements = ElementTree.parse(tmp_path / "table.vot").iter()
    identifiers = [element.get("ID") for element in elements if element.get("ID") is not None]
    assert len(identifiers) == len(set(identifiers)) == len(columns)
    found = votable.parse_single_table(tmp_path / "table.vot")
    assert [field.name for field in found.fields] == [column.name for column in columns]


def test_the_facts_stand_in_the_metadata_of_each_format(tmp_path: Path) -> None:
    meta = Table.read(written(tmp_path, ".ecsv"), format="ascii.ecsv").meta
    assert dict(meta) == FACTS
    infos = votable.parse(written(tmp_path, ".vot")).resources[0].infos
    assert {info.name: info.value for info in infos} == {k: str(v) for k, v in FACTS.items()}
    header = fits.getheader(written(tmp_path, ".fits"), 1)
    assert {name: header[name] for name in FACTS} == FACTS
    assert header["TCOMM2"] == "name of the galaxy"
    schema = parquet.read_schema(written(tmp_path, ".parquet"))
    found = {key.decode(): value.decode() for key, value in (schema.metadata or {}).items()}
    assert found == {k: str(v) for k, v in FACTS.items()}


def test_pyarrow_reads_back_names_values_units_and_missing_values(tmp_path: Path) -> None:
    table = parquet.read_table(written(tmp_path, ".parquet"))
    assert table.column_names == NAMES
    assert table["id"].to_pylist() == IDS
    assert table["rank"].to_pylist() == [1, 2, 3]
    assert table["score"].to_pylist() == [1 / 3, None, -2e-7]
    assert table["label"].to_pylist() == ["Sa", None, "E"]
    assert table.schema.field("ra").metadata[b"unit"] == b"deg"
    assert table.schema.field("ra").metadata[b"description"] == b"right ascension"


@pytest.mark.parametrize("ending", WRITERS)
def test_a_table_without_rows_is_a_table(tmp_path: Path, ending: str) -> None:
    empty = [Column("id", np.array([], str), "name"), Column("x", np.array([]), "place")]
    write_table(tmp_path / f"t{ending}", empty, FACTS)
    if ending == ".parquet":
        assert parquet.read_table(tmp_path / "t.parquet").num_rows == 0
    else:
        kind = {".csv": "ascii.csv", ".ecsv": "ascii.ecsv", ".fits": "fits"}.get(ending, "votable")
        assert Table.read(tmp_path / f"t{ending}", format=kind).colnames == ["id", "x"]


def test_what_is_missing_among_objects_is_missing(tmp_path: Path) -> None:
    words = np.array(["a", None, float("nan")], dtype=object)
    numbers = np.array([1.5, None, 2], dtype=object)
    write_table(tmp_path / "t.parquet", [Column("w", words, ""), Column("n", numbers, "")], {})
    table = parquet.read_table(tmp_path / "t.parquet")
    assert table["w"].to_pylist() == ["a", None, None]
    assert table["n"].to_pylist() == [1.5, None, 2.0]


def test_letters_beyond_ascii_stay_where_the_format_has_them(tmp_path: Path) -> None:
    column = [Column("id", ["Größe ≥ 3", "b"], "name"), Column("p étoile", [0.5, 1.0], "share")]
    for ending, how in (
        (".ecsv", {"format": "ascii.ecsv"}),
        (".vot", {"format": "votable", "use_names_over_ids": True}),
    ):
        write_table(tmp_path / f"t{ending}", column, FACTS)
        table = Table.read(tmp_path / f"t{ending}", **how)
        assert table["id"][0] == "Größe ≥ 3"
        assert "p étoile" in table.colnames


def test_fits_which_holds_ascii_only_escapes_other_letters_and_says_so(tmp_path: Path) -> None:
    column = [Column("id", ["Größe ≥ 3", "b"], "name ≥ 3"), Column("p étoile", [0.5, 1.0], "share")]
    write_table(tmp_path / "t.fits", column, {"DATA": "à"})
    table, header = Table.read(tmp_path / "t.fits"), fits.getheader(tmp_path / "t.fits", 1)
    assert table.colnames == ["id", r"p \xe9toile"]
    assert [text.encode().decode("unicode_escape") for text in table["id"]] == ["Größe ≥ 3", "b"]
    assert (header["DATA"], header["TCOMM1"]) == (r"\xe0", r"name \u2265 3")
    assert str(header["COMMENT"]) == ESCAPED
    assert "COMMENT" not in fits.getheader(written(tmp_path, ".fits"), 1)


def test_another_ending_or_a_missing_package_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match=r"--out is t.txt; name a file that ends in .csv, .ecsv"):
        check_table(tmp_path / "t.txt", "--out", ".json")
    check_table(tmp_path / "t.json", "--out", ".json")
    monkeypatch.setitem(sys.modules, "astropy", None)
    with pytest.raises(ValueError, match=r"t.fits needs the package astropy: pip install astropy"):
        check_table(tmp_path / "t.fits", "--out")
    check_table(tmp_path / "t.csv", "--out")


LONG = 1237648720142401611


@pytest.mark.parametrize("ending", [".ecsv", ".vot", ".fits", ".parquet"])
@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([None, LONG, 7], ["", str(LONG), "7"]),
        (np.array([2**64 - 1, 2], np.uint64), [str(2**64 - 1), "2"]),
        (np.array([2**63 - 1, 2], np.uint64), [2**63 - 1, 2]),
        (np.array(["2020-02-29", "NaT"], "M8[D]"), ["2020-02-29", ""]),
        ([None, 5, 7], [None, 5, 7]),
    ],
)
def test_long_numbers_and_dates_are_read_back_as_they_were(
    tmp_path: Path, ending: str, values: object, expected: list[object]
) -> None:
    path = tmp_path / f"table{ending}"
    write_table(path, [Column("value", values, "any")], FACTS)
    if ending == ".parquet":
        found = parquet.read_table(path)["value"].to_pylist()
    else:
        column = Table.read(path, format="votable" if ending == ".vot" else None)["value"]
        found = [None if value is np.ma.masked else value for value in column]
    gap = "" if isinstance(expected[0], str) else None
    assert [gap if value is None or value != value else value for value in found] == expected


def test_a_votable_passes_the_validator_whatever_the_units_and_names(tmp_path: Path) -> None:
    odd = [
        Column("Mag", SCORES, "magnitude", "mag", ucd="phot.mag"),
        Column("mag", SCORES, "scale", "arcsec/pix^^"),
        Column("e m", ["", "", ""], "nothing"),
        Column("big", [2**60, 0, -1], "long"),
        Column("inf", [np.inf, -np.inf, np.nan], "infinite"),
    ]
    write_table(tmp_path / "table.vot", [*COLUMNS, *odd], FACTS)
    said = io.StringIO()
    assert votable.validate(tmp_path / "table.vot", output=said), said.getvalue()
    table = votable.parse_single_table(tmp_path / "table.vot")
    fields = {field.name: field for field in table.fields}
    assert (fields["Mag"].ucd, str(fields["Mag"].unit)) == ("phot.mag", "mag")
    assert fields["mag"].unit is None
    assert fields["mag"].description == "scale (unit: arcsec/pix^^)"


@pytest.mark.parametrize("letters", range(1, 5))
@pytest.mark.parametrize("letter", ["é", "日", "\N{SPIRAL SHELL}"])
def test_names_that_are_cut_for_fits_end_with_a_whole_letter(
    letters: int, letter: str, tmp_path: Path
) -> None:
    name = "a" * letters + letter * 40
    write_table(tmp_path / "t.fits", [Column(name, SCORES, "share")], {"a long fact": name})
    with fits.open(tmp_path / "t.fits") as hdus:
        names = [hdus[1].columns.names[0], hdus[1].header["A_LONG_FACT"]]
    for found in names:
        assert name.startswith(found.encode().decode("unicode_escape"))


ODD_COLUMNS = [Column(name, SCORES, "share") for name in ("p Sa", "p_Sa", "2nd", "étoile", "a  b")]
ODD_FACTS = {
    "the order": "highest first",
    "the_order": "another",
    "": "no name",
    " lead ": "blanks",
    "1st": "a digit",
    "étoile x:y": "k: [1, 2",
}


def test_facts_and_columns_of_any_name_pass_a_strict_reader_of_a_votable() -> None:
    made, said = io.BytesIO(table_bytes(".vot", ODD_COLUMNS, ODD_FACTS)), io.StringIO()
    assert votable.validate(made, output=said), said.getvalue()
    made.seek(0)
    (resource,) = votable.parse(made, verify="exception").resources
    assert [field.name for field in resource.tables[0].fields] == [one.name for one in ODD_COLUMNS]
    names = ["the_order_2", "the_order", "_", "_lead_", "_1st", "_toile_x_y"]
    assert [info.name for info in resource.infos] == names
    assert [info.value for info in resource.infos] == list(ODD_FACTS.values())
    said_of = [(info.content or info.name).strip() for info in resource.infos]
    assert said_of == [name.strip() or "_" for name in ODD_FACTS]


def test_facts_and_columns_of_any_name_are_whole_in_ecsv_and_valid_in_fits() -> None:
    stream = io.BytesIO(table_bytes(".ecsv", ODD_COLUMNS, ODD_FACTS))
    found = Table.read(stream, format="ascii.ecsv")
    assert found.colnames == [one.name for one in ODD_COLUMNS]
    assert dict(found.meta) == ODD_FACTS
    with fits.open(io.BytesIO(table_bytes(".fits", ODD_COLUMNS, ODD_FACTS))) as opened:
        opened.verify("exception")
        assert set(ODD_FACTS.values()) <= set(opened[1].header.values())


@pytest.mark.parametrize("ending", [".fits", ".vot"])
@pytest.mark.parametrize(
    ("unit", "read"),
    [
        ("erg / (s cm2)", "erg / (s cm2)"),
        ("nmgy", "nmgy"),
        ("µm", "um"),
        ("e⁻/s", {".vot": "electron / s", ".fits": ""}),
        *((odd, "") for odd in ("\0", "1e999", "-1", "sqrt(-1)", "électron")),
        ("2.5 deg", {".vot": "2.5 deg", ".fits": ""}),
        ("arcsec/pix^^", {".vot": "", ".fits": "arcsec/pix^^"}),
    ],
)
def test_a_unit_that_a_format_cannot_hold_is_told_in_the_description(
    ending: str, unit: str, read: str | dict[str, str]
) -> None:
    made = table_bytes(ending, [Column("x", [1.5], "of it\nall", unit)], {})
    expected = read if isinstance(read, str) else read[ending]
    if ending == ".fits":
        header = fits.getheader(io.BytesIO(made), 1)
        unit_read, said = header.get("TUNIT1", ""), header["TCOMM1"]
    else:
        field = votable.parse_single_table(io.BytesIO(made)).fields[0]
        unit_read, said = str(field.unit or ""), field.description
    assert Unit(unit_read, parse_strict="silent") == Unit(expected, parse_strict="silent")
    shown = unit.replace("\0", " ")
    shown = shown.encode("ascii", "backslashreplace").decode() if ending == ".fits" else shown
    assert said.replace("\n", " ") == ("of it all" if expected else f"of it all (unit: {shown})")


def test_no_column_of_fits_takes_the_place_of_another_and_no_fact_either(tmp_path: Path) -> None:
    names = ["a", "A", "A_2", "a_3", "A", "a  ", "b\nc"]
    columns = [Column(name, [number], "", "deg") for number, name in enumerate(names)]
    long = "a fact of the same first letters "
    facts = {f"{long}{number}": number for number in range(30)} | {"naxis": "x", "fact_naxis": "y"}
    write_table(tmp_path / "table.fits", columns, facts)
    with fits.open(tmp_path / "table.fits", memmap=False) as found:
        header, data = found[1].header, found[1].data
        assert [data[name].tolist() for name in data.names] == [[k] for k in range(7)]
        assert data.names == ["a", "A_4", "A_2", "a_3", "A_5", "a_6", "b c"]
        assert len({name.lower() for name in data.names}) == len(names)
        told = [value for name, value in header.items() if "FACT_OF" in name]
        assert sorted(told) == list(range(30))
        assert {"x", "y"} <= set(header.values())


@pytest.mark.parametrize("name", ["x" * 80, "\N{LATIN SMALL LETTER E WITH ACUTE}" * 30, "a'" * 40])
def test_a_name_that_fits_cannot_hold_is_cut_and_told_in_the_description(
    name: str, tmp_path: Path
) -> None:
    path = tmp_path / "x.fits"
    columns = [Column(f"{name}{k}", np.arange(3) + k, "how many") for k in range(3)]
    write_table(path, columns, {})
    whole = [f"{name}{k}".encode("ascii", "backslashreplace").decode() for k in range(3)]
    with warnings.catch_warnings(), fits.open(path) as parts:
        warnings.simplefilter("ignore")  # of astropy, about other letters than A to Z
        table, header = parts[1].data, parts[1].header
        assert [table.field(k).tolist() for k in range(3)] == [[k, k + 1, k + 2] for k in range(3)]
        assert len({*table.names}) == 3
        assert [header[f"TCOMM{k}"] for k in (1, 2, 3)] == [f"how many (column {w})" for w in whole]
        assert all(w.startswith(called[:20]) for w, called in zip(whole, table.names, strict=True))


def test_no_fact_of_a_stranger_takes_the_place_of_a_keyword_of_fits(tmp_path: Path) -> None:
    odd = {
        "tfields": "x",
        "naxis2": 5,
        "ttype1": "y",
        "end": "q",
        "comment": "c",
        "a = b\n": "v",
        "é" * 90: "w" * 300,
        "": "z",
        "n": np.nan,
    }
    twice = Column("RANK", [7, 8, 9], "another", ucd="meta.number")
    write_table(tmp_path / "table.fits", [*COLUMNS, twice], odd)
    with warnings.catch_warnings(), fits.open(tmp_path / "table.fits", memmap=False) as found:
        warnings.simplefilter("error")
        found.verify("exception")
        header, data = found[1].header, found[1].data
        assert (header["TFIELDS"], header["NAXIS2"], header["TTYPE1"]) == (7, 3, "rank")
        assert (header["FACT_TFIELDS"], header["FACT_NAXIS2"], header["FACT_END"]) == ("x", 5, "q")
        assert (header["TUCD7"], header["N"]) == ("meta.number", "nan")
        assert data.names == [*NAMES, "RANK_7"]
        assert (data["rank"].tolist(), data["RANK_7"].tolist()) == ([1, 2, 3], [7, 8, 9])
