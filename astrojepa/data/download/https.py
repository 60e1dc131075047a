"""Download over https with resume, redirects included; every failure is a sentence."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from typing import IO, Any
from urllib.parse import urlsplit

LOOPBACK = ("127.0.0.1", "::1", "localhost")
PASSING = (408, 425, 429, 500, 502, 503, 504)  # answers that another attempt may not get


class DroppedError(OSError):
    """The server did not send what it was asked for; another attempt may bring more."""


class UnreachableError(DroppedError):
    """No connection came about."""


class Server:
    """Answers requests for one address. `answered` says whether it ever did.

    With `same_host` a redirect to another host is refused.
    """

    def __init__(
        self, url: str, timeout: float, http_on_loopback: bool = False, *, same_host: bool = False
    ) -> None:
        check_address(url, http_on_loopback)
        self.url = url
        self.timeout = timeout
        self.answered = False
        self._opener = urllib.request.build_opener(
            SecureRedirects(http_on_loopback, urlsplit(url).netloc if same_host else "")
        )

    def open(self, start: int = 0) -> http.client.HTTPResponse:
        """Get bytes from `start` on. DroppedError if a retry may help, else OSError; ValueError."""
        headers = {"User-Agent": "astrojepa", "Accept-Encoding": "identity"}
        if start:
            headers["Range"] = f"bytes={start}-"
        try:
            answer: http.client.HTTPResponse = self._opener.open(
                urllib.request.Request(self.url, headers=headers), timeout=self.timeout
            )
        except urllib.error.HTTPError as error:
            error.close()
            self.answered = True
            text = f"{self.url} answers {error.code} ({error.reason})"
            if error.code in PASSING:
                raise DroppedError(text) from error
            raise OSError(f"{text}; is it the right address?") from error
        except urllib.error.URLError as error:
            reason = getattr(error.reason, "strerror", None) or error.reason
            raise UnreachableError(
                f"{urlsplit(self.url).hostname} cannot be reached ({reason})"
            ) from error
        except (OSError, http.client.HTTPException) as error:
            raise DroppedError(f"The connection dropped ({error})") from error
        self.answered = True
        return answer


class SecureRedirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to https only, and only to `host` where one is given."""

    def __init__(self, http_on_loopback: bool, host: str = "") -> None:
        self.http_on_loopback = http_on_loopback
        self.host = host

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> Any:
        """Refuse, by ValueError, an address that is not https or on another host."""
        try:
            check_address(newurl, self.http_on_loopback)
            if self.host and urlsplit(newurl).netloc != self.host:
                raise ValueError(f"The server sends on to {urlsplit(newurl).hostname}; refused.")
        except ValueError:
            fp.close()
            raise
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def check_address(url: str, http_on_loopback: bool = False) -> None:
    """Raise ValueError unless an address is https, or local http where allowed."""
    parts = urlsplit(url)
    allowed = parts.scheme == "https" or (
        http_on_loopback and parts.scheme == "http" and parts.hostname in LOOPBACK
    )
    if not (allowed and parts.hostname and url.isprintable() and " " not in url):
        raise ValueError(
            f"{url!r} is not an https address, and only those are downloaded from; give one that "
            f"is."
        )
