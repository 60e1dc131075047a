"""Downloads go on: after drops, silence, full disks, Ctrl-C and a kill."""

from __future__ import annotations

import errno
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from astrojepa.data import DataError
from astrojepa.data.download import galaxy10 as download
from astrojepa.data.download.https import Server
from tests.data.download.file_server import CONTENT, FILE, FileServers, fetch, left, part_of


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServers]:
    monkeypatch.setenv("no_proxy", "*")
    with FileServers() as servers:
        yield servers


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "data" / "file.h5"


def test_a_whole_file_comes_with_progress_and_nothing_else_is_left(
    serve: FileServers, target: Path
) -> None:
    url, how = serve()
    heard: list[tuple[int, int, str]] = []
    said = fetch(target, url, progress=lambda done, total, text: heard.append((done, total, text)))
    assert target.read_bytes() == CONTENT
    assert left(target) == ["file.h5"]
    assert FILE.sha256 in said
    assert heard[-1] == (300_000, 300_000, "downloading file.h5")
    assert [done for done, *_ in heard] == sorted(done for done, *_ in heard)
    assert how.asked == [""]


def test_a_complete_file_is_verified_and_the_server_is_not_asked(
    serve: FileServers, target: Path
) -> None:
    url, how = serve()
    fetch(target, url)
    assert "is there already and is the file of this test" in fetch(target, url)
    assert how.asked == [""]


def test_dropped_connections_are_resumed_from_the_byte_where_they_dropped(
    serve: FileServers, target: Path
) -> None:
    url, how = serve(drop_after=[100_000, 50_000, 0, 1])
    said: list[str] = []
    fetch(target, url, say=said.append)
    assert target.read_bytes() == CONTENT
    assert how.asked == ["", "bytes=100000-", "bytes=150000-", "bytes=150000-", "bytes=150001-"]
    assert said[0] == "The connection ended early; 100,000 bytes are here, next attempt in 0.002 s."


def test_six_attempts_that_bring_little_end_it_and_the_same_command_goes_on(
    serve: FileServers, target: Path
) -> None:
    url, how = serve(drop_after=[1000] * 6)
    with pytest.raises(
        OSError,
        match=r"ended early, 6 times in a row\. 6,000 of 300,000 bytes are kept in "
        r".*file\.h5\.part",
    ):
        fetch(target, url)
    assert part_of(target).read_bytes() == CONTENT[:6000]
    fetch(target, url)
    assert how.asked[-1] == "bytes=6000-"
    assert target.read_bytes() == CONTENT
    assert left(target) == ["file.h5"]


def test_attempts_are_not_counted_while_megabytes_come(
    serve: FileServers, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "BLOCK", 20_000)
    url, how = serve(drop_after=[20_000] * 14)
    fetch(target, url)
    assert len(how.asked) == 15


def test_a_server_without_ranges_sends_everything_again(serve: FileServers, target: Path) -> None:
    url, how = serve(ranges=False, drop_after=[120_000])
    said: list[str] = []
    fetch(target, url, say=said.append)
    assert target.read_bytes() == CONTENT
    assert how.asked == ["", "bytes=120000-"]
    assert said[1] == "The server cannot go on from byte 120,000 and sends everything again."


def test_a_server_without_ranges_that_always_drops_is_given_up(
    serve: FileServers, target: Path
) -> None:
    url, how = serve(ranges=False, drop_after=[120_000] * 20)
    with pytest.raises(OSError, match="6 times in a row"):
        fetch(target, url)
    assert len(how.asked) == 6


def test_the_hash_covers_the_resumed_part(serve: FileServers, target: Path) -> None:
    url, _ = serve()
    target.parent.mkdir()
    part_of(target).write_bytes(b"x" + CONTENT[1:100_000])  # damaged on the disk
    with pytest.raises(DataError, match="kept as"):
        fetch(target, url)
    assert not target.exists()


def test_a_part_longer_than_the_file_starts_again(serve: FileServers, target: Path) -> None:
    url, how = serve()
    target.parent.mkdir()
    part_of(target).write_bytes(CONTENT + b"more")
    fetch(target, url)
    assert target.read_bytes() == CONTENT
    assert how.asked == [""]


def test_a_complete_part_is_judged_without_the_server(serve: FileServers, target: Path) -> None:
    url, how = serve()
    target.parent.mkdir()
    part_of(target).write_bytes(CONTENT)
    fetch(target, url)
    assert left(target) == ["file.h5"]
    assert how.asked == []


def test_a_busy_server_is_asked_again(serve: FileServers, target: Path) -> None:
    url, how = serve(statuses=[500, 503, 429])
    said: list[str] = []
    fetch(target, url, say=said.append)
    assert target.read_bytes() == CONTENT
    assert "answers 500 (Internal Server Error)" in said[0]
    assert len(how.asked) == 4


def test_a_broken_server_is_given_up_after_six_attempts(serve: FileServers, target: Path) -> None:
    url, how = serve(statuses=[500] * 9)
    with pytest.raises(OSError, match=r"answers 500 .*, 6 times in a row\. Nothing had come yet"):
        fetch(target, url)
    assert len(how.asked) == 6


def test_silence_ends_an_attempt_and_the_next_goes_on(serve: FileServers, target: Path) -> None:
    url, how = serve(stall=3.0)
    fetch(target, url, timeout=0.2)
    assert target.read_bytes() == CONTENT
    assert how.asked[0] == ""
    assert how.asked[1].startswith("bytes=")


def test_a_slow_server_is_waited_for_while_bytes_come(serve: FileServers, target: Path) -> None:
    url, how = serve(slow=0.01)
    fetch(target, url, timeout=0.2)
    assert target.read_bytes() == CONTENT
    assert how.asked == [""]


def test_a_redirect_keeps_the_range(serve: FileServers, target: Path) -> None:
    url, how = serve(redirect="/there", drop_after=[40_000])
    fetch(target, url)
    assert target.read_bytes() == CONTENT
    assert how.asked == ["", "", "bytes=40000-", "bytes=40000-"]


def test_a_disk_that_fills_up_keeps_what_came(
    serve: FileServers, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, how = serve()
    append = download.Part.append

    def full(part: download.Part, block: bytes) -> None:
        if part.size + len(block) > 150_000:
            part.stream = Full()  # type: ignore[assignment]
        append(part, block)

    with monkeypatch.context() as patch:
        patch.setattr(download, "BLOCK", 50_000)
        patch.setattr(download.Part, "append", full)
        with pytest.raises(
            OSError,
            match=r"cannot grow \(No space left on device\); make room, and the same command goes "
            r"on",
        ):
            fetch(target, url)
    kept = part_of(target).stat().st_size
    assert 0 < kept <= 150_000
    fetch(target, url)
    assert how.asked == ["", f"bytes={kept}-"]
    assert target.read_bytes() == CONTENT


class Full:
    def write(self, block: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_ctrl_c_says_what_is_kept_and_the_same_command_goes_on(
    serve: FileServers, target: Path
) -> None:
    url, _ = serve()

    def interrupt(done: int, total: int, text: str) -> None:
        if done > 0:
            raise KeyboardInterrupt

    with pytest.raises(
        KeyboardInterrupt,
        match=r"Interrupted\. [\d,]+ of 300,000 bytes are kept in .*and the same command goes on",
    ):
        fetch(target, url, progress=interrupt)
    kept = part_of(target).read_bytes()
    assert 0 < len(kept) < 300_001
    assert CONTENT.startswith(kept)
    fetch(target, url)
    assert target.read_bytes() == CONTENT


def test_closing_a_server_gives_its_connection_back(serve: FileServers) -> None:
    url, _ = serve()
    with Server(url, 5, http_on_loopback=True).open(299_990) as answer:
        assert answer.read() == CONTENT[299_990:]


@pytest.mark.slow
def test_a_process_killed_in_the_middle_loses_nothing(serve: FileServers, target: Path) -> None:
    url, how = serve(slow=0.05)
    program = (
        "import sys; from pathlib import Path; from astrojepa.data.download.galaxy10 import "
        "download; "
        "from astrojepa.data.download.known_files import KnownFile; "
        "download(Path(sys.argv[1]), sys.argv[2], KnownFile('it', sys.argv[3], int(sys.argv[4])), "
        "http_on_loopback=True)"
    )
    root = Path(__file__).parents[3]
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(target), url, FILE.sha256, str(FILE.num_bytes)],
        cwd=root,
    )
    deadline = time.monotonic() + 60
    while not (part_of(target).exists() and part_of(target).stat().st_size > 50_000):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = part_of(target).read_bytes()
    assert 50_000 < len(kept) < 300_000
    assert CONTENT.startswith(kept)
    assert not target.exists()
    fetch(target, url)
    assert how.asked == ["", f"bytes={len(kept)}-"]
    assert target.read_bytes() == CONTENT
    assert left(target) == ["file.h5"]
