"""The image that a survey's public viewer has of one position."""

from __future__ import annotations

import http.client
import math
import queue
import threading
import time
from urllib.error import HTTPError
from urllib.parse import urlencode

import numpy as np

from astrojepa.data import PictureError
from astrojepa.data.download.cutouts import Cutout, check_cutout
from astrojepa.data.download.https import Server
from astrojepa.data.images.raster import read_image

ADDRESS = "https://www.legacysurvey.org/viewer/cutout.jpg"
HOST = "www.legacysurvey.org"
LAYER = "ls-dr10"
PIXEL = 0.262  # arcsec, as the survey's own images have it
USUAL, SMALLEST, LARGEST = 256, 64, 512  # pixels a side
MAX_BYTES = 2 * 1024 * 1024  # an image of 512 pixels has some 100 kB
TIMEOUT = 10.0  # seconds for the whole answer


def same_field(side: int, scale: float | None) -> Cutout:
    """Return the cutout of the same field as an image of `side` pixels of `scale` arcsec each.

    It has the survey's own pixels, but 64 to 512 a side. Where the scale is unknown, it is 67″
    wide.
    """
    field = side * scale if scale else USUAL * PIXEL
    size = min(max(math.ceil(field / PIXEL), SMALLEST), LARGEST)
    return Cutout(size, field / size, layer=LAYER)


def survey_image(
    ra: float,
    dec: float,
    cutout: Cutout,
    *,
    url: str = ADDRESS,
    timeout: float = TIMEOUT,
    http_on_loopback: bool = False,
) -> np.ndarray:
    """Fetch what the Legacy Surveys show at a position (degrees): uint8 (size, size, 3).

    One request, over https, whose redirects stay on the host; nothing but position, size and pixel
    scale is sent. `url` replaces the service's address.

    Raises OSError where no answer comes in time or the host has no image, ValueError for an address
    or a redirect that is not allowed, PictureError for an answer of more than 2 MB, of another size
    than asked for, of one colour, or that is no image.
    """
    query = {"ra": f"{ra % 360:.6f}", "dec": f"{dec:.6f}", "layer": cutout.layer}
    size = {"pixscale": f"{cutout.scale:.6g}", "size": cutout.size}
    asked = f"{url}?{urlencode(query | size)}"
    server = Server(asked, timeout, http_on_loopback, same_host=True)
    try:
        content = _in_time(server)
    except (OSError, http.client.HTTPException) as error:
        raise OSError(f"{_reason(error, timeout).replace(asked, HOST)}.") from error
    try:
        image = read_image(content)
    except PictureError as error:
        side = cutout.size
        raise PictureError(f"{HOST} sent no readable image of {side} × {side} pixels.") from error
    check_cutout(image, cutout)
    return image


def _in_time(server: Server) -> bytes:
    """Read the answer; TimeoutError where it takes too long, be it that its headers trickle."""
    answers: queue.SimpleQueue[bytes | Exception] = queue.SimpleQueue()

    def read() -> None:
        try:
            answers.put(_content(server))
        except Exception as error:
            answers.put(error)

    threading.Thread(target=read, daemon=True).start()
    try:
        found = answers.get(timeout=server.timeout)
    except queue.Empty:
        raise TimeoutError from None
    if isinstance(found, Exception):
        raise found
    return found


def _content(server: Server) -> bytes:
    """Read the answer piece by piece, at most `MAX_BYTES` and as long as there is time."""
    end, content = time.monotonic() + server.timeout, bytearray()
    with server.open() as answer:
        while piece := answer.read1(65536):
            content += piece
            if len(content) > MAX_BYTES:
                raise PictureError(
                    f"{HOST} sent more than {MAX_BYTES // 1024**2} MB, so it is no cutout."
                )
            if time.monotonic() > end:
                raise TimeoutError
    return bytes(content)


def _reason(error: Exception, timeout: float) -> str:
    """Say why no image came, in words that a visitor understands."""
    cause = error.__cause__ or error
    if isinstance(cause, HTTPError):
        missing = "has no image of this position" if cause.code == 404 else f"answers {cause.code}"
        return f"{HOST} {missing}"
    if isinstance(getattr(cause, "reason", cause), TimeoutError):
        return f"{HOST} took longer than {timeout:g} s"
    return str(error)
