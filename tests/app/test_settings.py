"""What the explorer is started with, and who may be looking."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from app.server.serving import last_folders
from app.server.settings import Source, is_hosted, is_loopback, read_settings

ROOT = Path(__file__).parents[2]
HERE = {"Host": "localhost:8501"}


def test_without_flags_galaxy10_comes_first_where_it_is_and_the_simulator_is_on_offer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr("astrojepa.data.GALAXY10_PATH", Path("data/none.h5"))
        assert read_settings([], {}).sources == (Source("simulated"),)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "Galaxy10_DECals.h5").touch()
    sources = read_settings([], {}).sources
    assert [source.name for source in sources] == ["Galaxy10_DECals.h5", "simulated"]


def test_flags_name_data_conditions_and_checkpoint() -> None:
    flags = [
        "--data",
        "galaxies",
        "--where",
        "source=gz1-balanced",
        "--label-column",
        "morphology",
        "--checkpoint",
        "model3",
    ]
    settings = read_settings(flags, {"ASTROJEPA_DATA": "ignored"})
    assert settings.sources[0] == Source("galaxies", ("source=gz1-balanced",), "morphology")
    assert settings.checkpoint == "model3"
    assert "/" not in settings.sources[0].name


def test_vectors_are_those_of_galaxies_that_are_named_too() -> None:
    flags = ["--data", "galaxies", "--vectors", "a.npz", "--vectors", "b.parquet"]
    assert read_settings(flags, {}).vectors == ("a.npz", "b.parquet")
    with pytest.raises(ValueError, match="--vectors needs --data, the galaxies with the ids"):
        read_settings(["--vectors", "a.npz"], {})


def test_data_sets_of_equal_names_are_called_by_the_folders_that_tell_them_apart() -> None:
    paths = ["/one/run/set.h5", "/two/run/set.h5", "/two/other.h5", "simulated:9"]
    flags = [word for path in paths for word in ("--data", path)]
    sources = read_settings([*flags, "--where", "z=1"], {}).sources
    assert [source.name for source in sources] == [
        "one/run/set.h5 z=1",
        "two/run/set.h5 z=1",
        "other.h5 z=1",
        "simulated:9 z=1",
    ]


def test_a_file_that_is_named_twice_is_offered_once_however_its_path_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    flags = ["--data", "old", "--data", "./old/", "--data", "new/../old", "--data", "simulated"]
    flags += ["--data", "simulated:9", "--vectors", "v.npz", "--vectors", f"{tmp_path}/v.npz"]
    settings = read_settings(flags, {})
    assert [source.name for source in settings.sources] == ["old", "simulated", "simulated:9"]
    assert settings.vectors == ("v.npz",)
    assert last_folders(["/a/old", "/a/old", "/b/old"]) == ["a/old", "a/old", "b/old"]


def test_environment_fills_what_flags_leave_open() -> None:
    settings = read_settings(
        [], {"ASTROJEPA_DATA": "simulated:200", "ASTROJEPA_CHECKPOINT": "random"}
    )
    assert settings.sources == (Source("simulated:200"),)
    assert settings.checkpoint == "random"


@pytest.mark.parametrize("flags", [["--dta", "x"], ["--where", "morphology"], ["--data"]])
def test_a_wrong_flag_is_a_sentence(flags: list[str]) -> None:
    with pytest.raises(ValueError, match=r"[a-z]"):
        read_settings(flags, {})


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("localhost", True),
        ("localhost:8501", True),
        ("127.0.0.1:8501", True),
        ("127.8.9.1", True),
        ("[::1]:8501", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("192.168.1.4:8501", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example:80", False),
        ("", False),
    ],
)
def test_only_this_machine_is_loopback(host: str, local: bool) -> None:
    assert is_loopback(host) is local


def test_local_needs_address_host_and_forwarded_headers_to_agree() -> None:
    assert not is_hosted({}, "127.0.0.1", HERE)
    assert not is_hosted({}, "127.0.0.1", {**HERE, "X-Forwarded-For": "127.0.0.1"})
    assert is_hosted({}, "0.0.0.0", HERE)
    assert is_hosted({}, None, HERE)
    assert is_hosted({}, "127.0.0.1", {"host": "explorer.example.org"})
    assert is_hosted({}, "127.0.0.1", {**HERE, "x-forwarded-for": "127.0.0.1, 203.0.113.9"})
    assert is_hosted({}, "127.0.0.1", {**HERE, "Forwarded": "for=203.0.113.9"})


def test_the_environment_can_tighten_but_not_loosen() -> None:
    assert is_hosted({"ASTROJEPA_MODE": "hosted"}, "127.0.0.1", HERE)
    assert is_hosted({"ASTROJEPA_MODE": "local"}, "0.0.0.0", HERE)


def test_streamlit_reads_the_same_settings_from_both_places() -> None:
    texts = [
        (ROOT / folder / ".streamlit" / "config.toml").read_text(encoding="utf-8")
        for folder in ("app", ".")
    ]
    assert texts[0] == texts[1]
    settings = tomllib.loads(texts[0])
    assert settings["server"]["address"] == "127.0.0.1"
    assert settings["server"]["enableXsrfProtection"] is True
    assert settings["server"]["fileWatcherType"] == "none"
    assert settings["server"]["maxUploadSize"] <= 10
    assert settings["browser"]["gatherUsageStats"] is False
    assert settings["global"]["maxCachedMessageAge"] >= 100, "a browser keeps what a page names"
    assert settings["client"]["showErrorDetails"] == "none"


def test_the_app_imports_no_numerics_of_its_own() -> None:
    forbidden = ("torch", "timm", "sklearn", "h5py", "umap", "PIL", "astropy", "plotly")
    for path in (ROOT / "app").rglob("*.py"):
        for line in path.read_text(encoding="utf-8").splitlines():
            words = line.split()
            if words[:1] in (["import"], ["from"]):
                assert words[1].split(".")[0] not in forbidden, f"{path.relative_to(ROOT)}: {line}"


@pytest.mark.slow
def test_the_collector_that_runs_after_every_click_leaves_libraries_alone() -> None:
    code = (
        "import gc\nfrom app.session import queue\nqueue.warm_up()\nprint(gc.get_freeze_count() "
        "> 10 * len(gc.get_objects()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    assert done.stdout.strip() == "True"
