"""Pictures that a visitor brings along: what is read, what is refused in one sentence, and where
they are placed.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from exported import read_back
from page_runner import run_page, settled, tables, words
from streamlit.testing.v1 import AppTest

from app.pages.models import uploads as upload_page
from app.session import uploads
from astrojepa import plotting
from astrojepa.data.simulate.simulator import simulate
from astrojepa.tables import WRITERS

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:streamlit")


def picture(seed: int = 0, height: int = 60, width: int = 80) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)


def png(image: np.ndarray) -> bytes:
    return plotting.encode_image(image, "png")


def fits_file(shape: tuple[int, ...] = (3, 40, 50)) -> bytes:
    header = fits.Header(
        {
            "CTYPE1": "RA---TAN",
            "CTYPE2": "DEC--TAN",
            "CRVAL1": 150.0,
            "CRVAL2": 2.0,
            "CRPIX1": 25.5,
            "CRPIX2": 20.5,
        }
    )
    header["CDELT1"], header["CDELT2"] = -1e-4, 1e-4
    stream = io.BytesIO()
    fits.PrimaryHDU(np.random.default_rng(0).normal(size=shape).astype(np.float32), header).writeto(
        stream
    )
    return stream.getvalue()


def test_a_picture_keeps_its_central_square_and_says_its_size() -> None:
    image = picture()
    made = uploads.read_upload("a.png", png(image))
    assert made.size == (80, 60)
    np.testing.assert_array_equal(made.image, image[:, 10:70])


def test_a_large_picture_is_kept_small() -> None:
    made = uploads.read_upload("a.png", png(picture(height=700, width=900)))
    assert (made.image.shape, made.size) == ((512, 512, 3), (900, 700))


def test_a_fits_picture_brings_its_position() -> None:
    made = uploads.read_upload("a.fits", fits_file())
    assert made.image.shape == (40, 40, 3)
    assert made.ra == pytest.approx(150.0, abs=1e-3)
    assert made.dec == pytest.approx(2.0, abs=1e-3)


def test_a_bad_file_is_one_sentence_and_the_others_still_work() -> None:
    files = [
        ("good.png", png(picture(1))),
        ("bad.png", b"not a picture"),
        ("cut.fits", fits_file()[:4000]),
        ("none.jpg", b""),
    ]
    held, problems = uploads.add({}, [*files, ("tall.png", png(picture(2, 90, 30)))])
    assert [upload.name for upload in held.values()] == ["good.png", "tall.png"]
    assert [problem.split()[0] for problem in problems] == ["bad.png", "cut.fits", "none.jpg"]


def test_a_file_over_ten_megabytes_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "read_upload", lambda name, content: pytest.fail("it was read"))
    held, problems = uploads.add({}, [("big.png", bytes(uploads.MAX_BYTES + 1))])
    assert not held
    assert "the limit is 10 MB" in problems[0]


def test_twenty_pictures_are_kept_and_a_repeated_one_counts_once() -> None:
    files = [(f"{k}.png", png(picture(k, 8, 8))) for k in range(22)]
    held, problems = uploads.add({}, [files[0], *files])
    assert len(held) == 20
    assert problems == ["2 more images were left out; a session keeps at most 20."]


def test_a_picture_bomb_is_refused_by_its_header() -> None:
    from PIL import Image

    stream = io.BytesIO()
    Image.new("1", (13_000, 13_000)).save(stream, "PNG")
    with pytest.raises(ValueError, match=r"13000 x 13000 pixels; at most"):
        uploads.read_upload("bomb.png", stream.getvalue())


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("<b>x</b>.png", "b .png"),
        ("", "picture"),
        ("m 51 (a).png", "m 51 (a).png"),
    ],
)
def test_a_files_name_is_plain_words(given: str, shown: str) -> None:
    assert uploads.clean_name(given) == shown


def test_votes_leave_out_galaxies_without_a_label() -> None:
    assert uploads.votes(np.array([1, 0, 1, -1]), ("a", "b")) == "b 2, a 1"
    assert uploads.votes(np.array([-1]), ("a",)) == "no labels"


@pytest.mark.slow
@pytest.mark.parametrize("ending", WRITERS)
def test_placed_images_are_exported_in_every_format_with_what_they_were_placed_by(
    ending: str,
) -> None:
    data, upload = simulate(20), uploads.read_upload("mine.png", png(picture()))
    found = SimpleNamespace(
        xy=np.array([[1.5, -2.0]], dtype=np.float32),
        scores=np.array([12.5]),
        stranger=np.array([0.25]),
        indices=np.array([[7, 3]]),
        distances=np.array([[0.5, 0.75]]),
    )
    table = upload_page.upload_table([upload], found, data.labels, data.classes, data.ids)
    workspace = SimpleNamespace(data=data, made_by=("mine", "0123abcd"))
    facts = upload_page.facts_of(workspace, "umap", "map=umap")  # type: ignore[arg-type]
    content = upload_page.images_file(ending, table, facts)
    columns, said = read_back(ending, content)
    assert columns["image"] == ["mine.png"]
    assert (columns["x"], columns["y"]) == ([1.5], [-2.0])
    assert (columns["anomaly_score_knn"], columns["anomaly_percentile"]) == ([12.5], [75.0])
    assert (columns["nearest"], columns["distance"]) == ([str(data.ids[7])], [0.5])
    if ending == ".csv":
        assert (columns["model"], columns["data"]) == (["mine"], [data.name])
    else:
        assert (said["model"], said["model_hash"], said["view"]) == ("mine", "0123abcd", "map=umap")
        assert (said["projection"], said["data"]) == ("umap", data.name)
        assert said["data_fingerprint"] == data.fingerprint


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Any:
    cache = tmp_path_factory.getbasetemp() / "pages-cache"
    monkeypatch.setenv("ASTROJEPA_CACHE", str(cache))
    return lambda **options: run_page(monkeypatch, cache, "models", **options)


def send(test: AppTest, *files: tuple[str, bytes, str]) -> AppTest:
    test.file_uploader[0].set_value(list(files))
    next(button for button in test.button if button.label == "Embed and place on the map").click()
    return settled(test.run())


def kept_files() -> list[str]:
    """What lies in the cache, but for map and scores of the open galaxies, which placing may be
    the first to need.
    """
    return sorted(
        path.name
        for path in Path(os.environ["ASTROJEPA_CACHE"]).iterdir()
        if not path.name.startswith(("projection", "scores"))
    )


@pytest.mark.slow
def test_a_galaxy_of_the_data_is_its_own_nearest_and_lands_on_its_place(models: Any) -> None:
    test = models()
    data = simulate(60)
    before = kept_files()
    test = send(
        test,
        ("mine.png", png(data[7].image), "image/png"),
        ("bad.png", b"\x89PNG\r\n\x1a\nno", "image/png"),
    )
    table = next(table for table in tables(test) if "Nearest" in table)
    assert table["Image"].tolist() == ["mine.png"]
    assert table["Nearest"].tolist() == [str(data.ids[7])]
    assert float(table["Distance"][0]) == pytest.approx(0, abs=1e-2)
    assert [warning.value.split()[0] for warning in test.warning if "bad.png" in warning.value] == [
        "bad.png"
    ]
    assert kept_files() == before, "something was written to disk"
    assert "percentile" in words(test)
    test.selectbox(key="export_format_images").set_value(".fits").run()
    assert "Download 1 image as .fits" in [
        button.proto.label for button in test.get("download_button")
    ]
    next(button for button in test.button if button.label == "Open the nearest galaxy").click()
    settled(test.run())
    assert test.session_state["row"] == 7


@pytest.mark.slow
def test_a_heading_sorts_images_as_they_are_listed_numbered_on_the_map_and_exported(
    models: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: dict[str, Any] = {}
    monkeypatch.setattr(
        upload_page, "export_menu", lambda key, stem, count, write, rows: written.update(of=write)
    )
    data = simulate(60)
    names = ["b.png", "c.png", "a.png"]
    test = models()
    test = send(
        test,
        *((name, png(data[row].image), "image/png") for row, name in enumerate(names)),
    )
    assert read_back(".csv", written["of"](".csv"))[0]["image"] == names
    scores = read_back(".csv", written["of"](".csv"))[0]["anomaly_score_knn"]
    session: dict[str, Any] = {}
    descending = sorted(range(3), key=scores.__getitem__, reverse=True)
    turns = [("Anomaly score", descending), ("Anomaly score", descending[::-1])]
    turns += [("Anomaly score", [0, 1, 2]), ("Image", [2, 0, 1]), ("Image", [1, 0, 2])]
    for heading, order in turns:
        with monkeypatch.context() as pressed:
            pressed.setattr(upload_page.st, "session_state", session)
            upload_page._sort(heading)
        test.session_state["upload_order"] = session["upload_order"]
        settled(test.run())
        table = next(table for table in tables(test) if "Nearest" in table)
        assert table["Image"].tolist() == [names[place] for place in order]
        exported = read_back(".csv", written["of"](".csv"))[0]
        assert exported["image"] == table["Image"].tolist()
        assert exported["nearest"] == [str(data.ids[place]) for place in order]
        listed = [caption.value for caption in test.caption if caption.value in {"1", "2", "3"}]
        named = [text.value for text in test.text if text.value in names]
        assert (listed, named) == (["1", "2", "3"], table["Image"].tolist())
    next(button for button in test.button if button.label == "Remove all").click().run()
    assert "upload_order" not in test.session_state


def test_without_a_model_pictures_cannot_be_placed(models: Any) -> None:
    test = models(checkpoint="baseline")
    assert not test.get("file_uploader")
    assert "Choose a model at the top" in words(test)


@pytest.mark.slow
def test_strangers_may_bring_pictures_too(models: Any) -> None:
    assert len(models(hosted=True).get("file_uploader")) == 1
