"""One image of a survey's viewer, from a server on this machine that drops, stalls and lies."""

from __future__ import annotations

import contextlib
import io
import socket
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pytest
from PIL import Image

from astrojepa.data import PictureError
from astrojepa.data.download import survey_image as survey
from astrojepa.data.download.cutouts import Cutout
from tests.data.download.file_server import FileServers

SMALL = Cutout(64, 0.262, layer="ls-dr10")


@pytest.fixture
def serve() -> Iterator[FileServers]:
    with FileServers() as servers:
        yield servers


def picture(width: int, height: int = 0) -> bytes:
    """A JPEG of this size, bright in its upper half."""
    image = np.zeros((height or width, width, 3), np.uint8)
    image[: len(image) // 2] = 200
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "JPEG")
    return stream.getvalue()


def fetch(url: str, **options: Any) -> np.ndarray:
    return survey.survey_image(
        187.7059301, -12.39, SMALL, url=url, http_on_loopback=True, **options
    )


def test_position_layer_scale_and_size_are_asked_for_and_nothing_else(serve: FileServers) -> None:
    url, how = serve(content=picture(64))
    image = fetch(url)
    assert image.shape == (64, 64, 3)
    assert image[8, 32, 0] > 190 > 10 > image[56, 32, 0]
    (path,) = how.paths
    assert dict(parse_qsl(urlsplit(path).query)) == {
        "ra": "187.705930",
        "dec": "-12.390000",
        "layer": "ls-dr10",
        "pixscale": "0.262",
        "size": "64",
    }


def test_the_service_is_the_https_address_of_the_legacy_surveys() -> None:
    assert survey.ADDRESS == "https://www.legacysurvey.org/viewer/cutout.jpg"
    with pytest.raises(ValueError, match="is not an https address"):
        survey.survey_image(1, 2, SMALL, url="http://www.legacysurvey.org/viewer/cutout.jpg")


@pytest.mark.parametrize(
    ("side", "scale", "size", "field"),
    [
        (256, 0.262, 256, 256 * 0.262),  # the survey's own pixels
        (424, 0.396, 512, 424 * 0.396),  # at most 512 of them
        (40, 0.1, 64, 4.0),  # at least 64
        (88, None, 256, 256 * 0.262),
    ],
)
def test_the_field_is_that_of_the_stored_image(
    side: int, scale: float | None, size: int, field: float
) -> None:
    cutout = survey.same_field(side, scale)
    assert cutout.size == size
    assert cutout.size * cutout.scale == pytest.approx(field)


def test_more_bytes_than_an_image_has_are_not_read(serve: FileServers) -> None:
    url, _ = serve(content=picture(64) + bytes(survey.MAX_BYTES), unnamed_length=True)
    with pytest.raises(PictureError, match="more than 2 MB"):
        fetch(url)


def test_an_image_of_too_many_pixels_is_refused_by_its_header(serve: FileServers) -> None:
    url, _ = serve(content=picture(16_384, 1032))
    with pytest.raises(PictureError, match="no readable image of 64 × 64 pixels") as found:
        fetch(url)
    assert "16384 x 1032 pixels; at most" in str(found.value.__cause__)


def test_an_image_of_another_size_than_asked_for_is_refused(serve: FileServers) -> None:
    url, _ = serve(content=picture(80))
    with pytest.raises(PictureError, match="80 × 80 pixels, not 64 a side"):
        fetch(url)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"<html>Bad gateway</html>", "is no JPEG, PNG or WebP image"),
        (picture(64)[:200], "damaged or cut short"),
    ],
)
def test_what_is_no_image_is_refused(serve: FileServers, content: bytes, reason: str) -> None:
    url, _ = serve(content=content)
    with pytest.raises(PictureError, match="sent no readable image of 64 × 64 pixels") as found:
        fetch(url)
    assert reason in str(found.value.__cause__)


def test_an_image_of_one_colour_is_outside_the_survey(serve: FileServers) -> None:
    stream = io.BytesIO()
    Image.new("RGB", (64, 64), (32, 32, 32)).save(stream, "JPEG")
    url, _ = serve(content=stream.getvalue())
    with pytest.raises(PictureError, match="outside the survey"):
        fetch(url)


def test_no_image_of_the_position_and_other_refusals_are_one_sentence(serve: FileServers) -> None:
    url, _ = serve(statuses=[404, 503])
    with pytest.raises(OSError, match=r"^www\.legacysurvey\.org has no image of this position\.$"):
        fetch(url)
    with pytest.raises(OSError, match=r"^www\.legacysurvey\.org answers 503\.$"):
        fetch(url)


@pytest.mark.parametrize("silence", [{"stall": 30.0}, {"slow": 0.05}])
def test_an_answer_that_stalls_or_trickles_is_given_up(
    serve: FileServers, silence: dict[str, float]
) -> None:
    url, _ = serve(content=picture(64) + bytes(survey.MAX_BYTES // 2), **silence)
    with pytest.raises(OSError, match=r"^www\.legacysurvey\.org took longer than 0\.2 s\.$"):
        fetch(url, timeout=0.2)


def test_headers_that_trickle_are_given_up_too() -> None:
    """The clock is for the whole answer, not for each of its lines."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        given_up = threading.Event()

        def trickle() -> None:
            visitor, _ = server.accept()
            with visitor, contextlib.suppress(OSError):
                visitor.sendall(b"HTTP/1.1 200 OK\r\n")
                while not given_up.wait(0.02):
                    visitor.sendall(b"X-More: x\r\n")

        thread = threading.Thread(target=trickle)
        thread.start()
        with pytest.raises(OSError, match=r"took longer than 0\.3 s"):
            fetch(f"http://127.0.0.1:{server.getsockname()[1]}/cutout.jpg", timeout=0.3)
        given_up.set()
        thread.join()


def test_where_nobody_listens_the_sentence_says_so() -> None:
    with pytest.raises(OSError, match=r"127\.0\.0\.1 cannot be reached .*\.$"):
        fetch("http://127.0.0.1:9/cutout.jpg")


def test_a_redirect_is_followed_on_the_host_and_refused_to_another(serve: FileServers) -> None:
    url, how = serve(content=picture(64), redirect="/there")
    assert fetch(url).shape == (64, 64, 3)
    assert how.paths[-1] == "/there"
    elsewhere, other = serve(content=picture(64))
    url, _ = serve(redirect=elsewhere)
    with pytest.raises(ValueError, match=r"sends on to 127\.0\.0\.1; refused"):
        fetch(url)
    assert other.paths == []
