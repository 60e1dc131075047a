"""Downloads that are refused: wrong files, wrong lengths, wrong addresses, no network, no room."""

from __future__ import annotations

import shutil
from collections import namedtuple
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import pytest
from filelock import lock_descriptor

from astrojepa.data import DataError
from astrojepa.data.download import galaxy10 as download
from astrojepa.data.download.https import check_address
from tests.data.download.file_server import CONTENT, FILE, FileServers, fetch, left, part_of


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServers]:
    monkeypatch.setenv("no_proxy", "*")
    with FileServers() as servers:
        yield servers


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "data" / "file.h5"


def test_another_file_in_its_place_is_never_overwritten(serve: FileServers, target: Path) -> None:
    url, how = serve()
    target.parent.mkdir()
    target.write_bytes(b"somebody's work")
    with pytest.raises(DataError, match=r"is there and is not a whole HDF5 file .*; move it away"):
        fetch(target, url)
    assert target.read_bytes() == b"somebody's work"
    assert how.asked == []


def test_a_wrong_file_of_the_right_length_is_kept_under_another_name(
    serve: FileServers, target: Path
) -> None:
    url, how = serve(content=bytes(300_000))
    with pytest.raises(
        DataError,
        match=r"What came is not a whole HDF5 file .* it is kept as .*file\.h5\.wrong, and the "
        r"same command",
    ):
        fetch(target, url)
    assert left(target) == ["file.h5.wrong"]
    how.content = CONTENT
    fetch(target, url)
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize("content", [b"<html>maintenance</html>", CONTENT + b"one more"])
def test_a_file_of_another_length_is_refused_before_a_byte_is_kept(
    serve: FileServers, target: Path, content: bytes
) -> None:
    url, _ = serve(content=content)
    with pytest.raises(
        DataError,
        match=f"has {len(content):,} bytes, expected 300,000 of the file of this test; check the "
        f"address",
    ):
        fetch(target, url)
    assert left(target) == []


def test_a_page_in_place_of_the_file_does_not_cost_what_is_there(
    serve: FileServers, target: Path
) -> None:
    url, _ = serve(content=b"<html>maintenance</html>", ranges=False)
    target.parent.mkdir()
    part_of(target).write_bytes(CONTENT[:200_000])
    with pytest.raises(DataError, match="has 24 bytes"):
        fetch(target, url)
    assert part_of(target).read_bytes() == CONTENT[:200_000]


def test_a_content_length_that_is_too_long_is_refused(serve: FileServers, target: Path) -> None:
    url, _ = serve(declared=10**12)
    with pytest.raises(DataError, match="has 1,000,000,000,000 bytes, expected 300,000"):
        fetch(target, url)


def test_more_bytes_than_expected_are_not_written_where_no_length_is_named(
    serve: FileServers, target: Path
) -> None:
    url, _ = serve(content=CONTENT * 3, unnamed_length=True)
    with pytest.raises(DataError, match="sends more than the 300,000 bytes"):
        fetch(target, url)
    assert not part_of(target).exists() or part_of(target).stat().st_size <= 300_000
    url, _ = serve(unnamed_length=True)
    part_of(target).unlink(missing_ok=True)
    fetch(target, url)
    assert target.read_bytes() == CONTENT


def test_a_part_from_another_byte_than_asked_for_is_refused(
    serve: FileServers, target: Path
) -> None:
    url, _ = serve(range_answer="bytes 5-299999/300000", drop_after=[100_000])
    with pytest.raises(
        OSError,
        match=r"answers with bytes 5-299999/300000 where bytes from 100000 on were asked for",
    ):
        fetch(target, url)
    assert part_of(target).read_bytes() == CONTENT[:100_000]


@pytest.mark.parametrize("status", [404, 403, 416])
def test_answers_that_will_not_change_end_it_at_once(
    serve: FileServers, target: Path, status: int
) -> None:
    words = HTTPStatus(status).phrase  # Python 3.13 has another one for 416
    url, how = serve(statuses=[status])
    with pytest.raises(OSError, match=f"answers {status} .{words}.; is it the right address"):
        fetch(target, url)
    assert len(how.asked) == 1
    assert left(target) == []


def test_without_a_network_there_is_one_sentence_and_no_second_attempt(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "*")
    with pytest.raises(
        OSError,
        match=r"127\.0\.0\.1 cannot be reached \(Connection refused\); check the network, or bring",
    ):
        fetch(target, "http://127.0.0.1:1/file.h5")
    assert left(target) == []


@pytest.mark.parametrize(
    "url",
    [
        "http://zenodo.org/file.h5",
        "file:///etc/hostname",
        "ftp://zenodo.org/f",
        "https:///f",
        "https://a b/",
    ],
)
def test_only_https_is_spoken(url: str, target: Path) -> None:
    with pytest.raises(ValueError, match="is not an https address"):
        download.download(target, url, FILE)
    assert not target.parent.exists()


def test_http_to_this_machine_is_for_tests_only(serve: FileServers, target: Path) -> None:
    url, how = serve()
    with pytest.raises(ValueError, match="is not an https address"):
        download.download(target, url, FILE)
    assert how.asked == []
    check_address("http://localhost:80/", http_on_loopback=True)
    with pytest.raises(ValueError, match="is not an https address"):
        check_address("http://example.org/", http_on_loopback=True)


@pytest.mark.parametrize("elsewhere", ["http://example.org/there", "file:///etc/hostname"])
def test_a_redirect_away_from_https_is_not_followed(
    serve: FileServers, target: Path, elsewhere: str
) -> None:
    url, _ = serve(redirect=elsewhere)
    with pytest.raises(
        (ValueError, OSError), match=r"is not an https address|not allowed|is it the right address"
    ):
        fetch(target, url)
    assert left(target) == []


def test_a_disk_without_room_is_refused_before_anything_is_asked(
    serve: FileServers, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, how = serve()
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**9, 10**9, 1000))
    with pytest.raises(OSError, match=r"has 0\.00 GB free, and 0\.07 GB are needed; make room"):
        fetch(target, url)
    assert how.asked == []


def test_two_downloads_do_not_write_one_part(serve: FileServers, target: Path) -> None:
    url, how = serve()
    target.parent.mkdir()
    with part_of(target).open("ab") as other:
        assert lock_descriptor(other.fileno(), blocking=False)
        with pytest.raises(OSError, match="Another download is writing"):
            fetch(target, url)
    assert how.asked == []
    fetch(target, url)


def test_a_folder_is_not_a_place_for_the_file(target: Path) -> None:
    target.mkdir(parents=True)
    with pytest.raises(IsADirectoryError, match="is a folder; name the file to write"):
        fetch(target, "http://127.0.0.1:1/")
