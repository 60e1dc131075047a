"""Send a table to TOPCAT, Aladin or any other program of this desktop, by SAMP.

*Source:* SAMP 1.3 (IVOA 2012), message table.load.votable.
"""

from __future__ import annotations

import functools
import queue
import tempfile
import threading
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from astrojepa.tables import Column, Facts, write_table
from astrojepa.wording import one_line

MESSAGE = "table.load.votable"
PATIENCE = 20.0  # seconds until a hub counts as one that does not answer


def send_table(columns: Sequence[Column], facts: Facts, name: str) -> list[str]:
    """Send columns as a VOTable to every program that takes one; returns the programs' names.

    The file is there until this process ends, since programs read it when they like. Raises
    ValueError where no hub runs or answers, where no program takes tables, and for text that a
    VOTable cannot hold.
    """
    answer: queue.SimpleQueue[list[str] | Exception] = queue.SimpleQueue()

    def work() -> None:
        try:
            answer.put(_send(columns, facts, name))
        except Exception as error:
            answer.put(error)

    # astropy's calls know no time limit
    threading.Thread(target=work, daemon=True).start()
    try:
        found = answer.get(timeout=PATIENCE)
    except queue.Empty:
        raise ValueError(
            f"The SAMP hub did not answer within {PATIENCE:.0f} seconds; start it again."
        ) from None
    if isinstance(found, Exception):
        raise found
    return found


def _send(columns: Sequence[Column], facts: Facts, name: str) -> list[str]:
    client, failure = _client()
    try:
        client.connect()
    # astropy and sockets raise a dozen kinds for a hub that is gone
    except Exception as error:
        raise ValueError(
            "No SAMP hub is running: start TOPCAT or Aladin, then send again."
        ) from error
    try:
        receivers = list(client.get_subscribed_clients(MESSAGE))
        if not receivers:
            raise ValueError("No program that takes tables is connected to the SAMP hub.")
        path = Path(tempfile.mkdtemp(dir=_folder().name)) / "table.vot"
        write_table(path, columns, facts)
        parameters = {
            "url": path.as_uri(),
            "table-id": path.parent.name,
            "name": one_line(name, 80),
        }
        message = {"samp.mtype": MESSAGE, "samp.params": parameters}
        for receiver in receivers:
            client.notify(receiver, message)
        return [client.get_metadata(receiver).get("samp.name", receiver) for receiver in receivers]
    except failure as error:
        raise ValueError(f"The SAMP hub refused the table ({one_line(error, 80)}).") from error
    finally:
        client.disconnect()


@functools.cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """The folder of what was sent; it goes with the process."""
    return tempfile.TemporaryDirectory(prefix="astrojepa-samp-")


def _client() -> tuple[Any, tuple[type[Exception], ...]]:
    """Return a client of this machine alone, and what it raises."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it will be pyvo's one day
        try:
            from astropy import samp
        except ImportError as error:
            raise ValueError("This astropy has no SAMP any more; install astropy 8.") from error
    samp.conf.use_internet = False  # it would look its address up
    client = samp.SAMPIntegratedClient("AstroJEPA", addr="127.0.0.1", callable=False)
    return client, (samp.SAMPProxyError, samp.SAMPClientError, OSError)
