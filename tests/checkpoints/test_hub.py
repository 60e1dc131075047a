"""Weights by name from the hub: fetched once, checked against their card, refused in one
sentence; the hub is a loopback server.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from astrojepa.checkpoints import card as cards
from astrojepa.checkpoints.hub import OWNER, hub_weights
from astrojepa.checkpoints.model import load_model, save_released

ROOT = Path(__file__).parents[2]
ID = "small.hubbed"


@dataclass
class Hub:
    """What is published, and what was asked for."""

    files: dict[str, bytes]
    sizes: dict[str, int] = field(default_factory=dict)  # announced instead of the true ones
    asked: list[str] = field(default_factory=list)
    url: str = ""


class Handler(BaseHTTPRequestHandler):
    """Answers as the hub does: /OWNER/ID/resolve/REVISION/FILE."""

    hub: ClassVar[Hub]

    def do_GET(self) -> None:
        self.hub.asked.append(f"{self.command} {self.path}")
        name = self.path.partition("?")[0].strip("/").replace("/resolve", "").replace("/main/", "/")
        content = self.hub.files.get(name)
        if content is None:
            self.send_response(404)
            self.send_header("X-Error-Code", "RepoNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Length", str(self.hub.sizes.get(name, len(content))))
        self.send_header("ETag", f'"{hashlib.sha1(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", "0" * 40)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def do_HEAD(self) -> None:
        self.do_GET()

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights with their card, as export writes them."""
    model = load_model("random")
    return save_released(model, tmp_path_factory.mktemp("released"), {"id": ID})


@pytest.fixture
def hub(released: Path) -> Iterator[Hub]:
    files = {
        f"observatory/{ID}/{path.name}": path.read_bytes()
        for path in (released, released.with_suffix(".json"))
    }
    served = Hub(
        files | {name.replace(f"{ID}/", f"{ID}/v2/"): content for name, content in files.items()}
    )
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Own", (Handler,), {"hub": served}))
    served.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield served
    server.shutdown()
    thread.join()
    server.server_close()


def python(
    code: str, folder: Path, hub: Hub | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run code in a new process, which reads where the hub is when it starts; without a hub it
    is offline.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    kept |= {
        "PYTHONPATH": str(ROOT),
        "HF_HOME": str(folder / "hf"),
        "ASTROJEPA_CACHE": str(folder / "cache"),
        "no_proxy": "*",
    }
    kept |= (
        {"HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_TELEMETRY": "1"}
        if hub
        else {"HF_HUB_OFFLINE": "1"}
    )
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=kept | environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


FETCH = (
    f"from astrojepa.checkpoints.hub import hub_weights; "
    f"print(hub_weights('hf://observatory/{ID}'))"
)


@pytest.mark.slow
def test_a_model_of_the_hub_is_fetched_with_its_card_and_loads_as_what_was_exported(
    tmp_path: Path, hub: Hub, released: Path
):
    code = f"import astrojepa as aj; print(aj.load_model('hf://observatory/{ID}').hash)"
    done = python(code, tmp_path, hub)
    assert done.stdout.strip() == load_model(released).hash, done.stderr


@pytest.mark.slow
def test_what_was_fetched_is_used_again_without_asking(tmp_path: Path, hub: Hub, released: Path):
    first = python(FETCH, tmp_path, hub)
    asked = len(hub.asked)
    assert asked > 0
    assert python(FETCH, tmp_path).stdout == first.stdout
    assert len(hub.asked) == asked
    assert Path(first.stdout.strip()).read_bytes() == released.read_bytes()


@pytest.mark.slow
def test_a_revision_is_kept_apart(tmp_path: Path, hub: Hub):
    done = python(FETCH.replace(ID, f"{ID}@v2"), tmp_path, hub)
    assert Path(done.stdout.strip()).parent.name == f"{ID}@v2", done.stderr
    assert all("/v2/" in asked for asked in hub.asked)


@pytest.mark.slow
def test_a_card_without_weights_is_enough_where_an_owner_is_named(
    tmp_path: Path, hub: Hub, released: Path
):
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    (folder / f"{ID}.json").write_bytes(released.with_suffix(".json").read_bytes())
    code = (
        f"from pathlib import Path; from astrojepa.checkpoints import card as cards; "
        f"cards.CHECKPOINTS = Path({str(folder)!r}); "
    )
    code += f"from astrojepa.checkpoints.model import load_model; print(load_model({ID!r}).hash)"
    done = python(code, tmp_path, hub, **{OWNER: "observatory"})
    assert done.stdout.strip() == load_model(released).hash, done.stderr
    assert not [asked for asked in hub.asked if ".json" in asked], (
        "the card is the one that is here"
    )


@pytest.mark.slow
def test_weights_that_do_not_fit_the_card_are_thrown_away(tmp_path: Path, hub: Hub):
    name = f"observatory/{ID}/{ID}.safetensors"
    hub.files[name] = hub.files[name][:-4] + bytes(4)
    done = python(FETCH, tmp_path, hub)
    assert "CheckpointError" in done.stderr
    assert "its card says" in done.stderr
    assert list(tmp_path.rglob("*.safetensors")) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("part", "size"),
    [("json", cards.MAX_CARD_BYTES + 1), ("safetensors", cards.MAX_FILE_BYTES + 1)],
)
def test_a_file_that_is_too_large_is_not_fetched(tmp_path: Path, hub: Hub, part: str, size: int):
    hub.sizes[f"observatory/{ID}/{ID}.{part}"] = size
    done = python(FETCH, tmp_path, hub)
    assert f"has {size} bytes; at most {size - 1:,} are accepted" in done.stderr
    assert not [asked for asked in hub.asked if asked.startswith("GET") and asked.endswith(part)]


@pytest.mark.slow
@pytest.mark.parametrize("offline", [False, True])
def test_a_hub_that_has_no_such_model_or_is_not_asked_is_one_sentence(
    tmp_path: Path, hub: Hub, offline: bool
):
    code = (
        "import sys; from astrojepa.cli import main; sys.exit(main(['probe', "
        "'hf://observatory/none', '--data', 'simulated:60']))"
    )
    done = python(code, tmp_path, None if offline else hub)
    assert done.returncode == 2
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert "could not be fetched from hf://observatory/none" in line
    assert "check the name and the network, or bring none.safetensors" in line


@pytest.mark.parametrize(
    "name",
    [
        "hf://",
        "hf://one",
        "hf://a/b/c",
        "hf://a/../b",
        "hf://a/b@",
        "hf://a b/c",
        "hf:///etc/passwd",
    ],
)
def test_a_name_that_is_none_is_refused_before_anything_is_asked(name: str):
    with pytest.raises(ValueError, match="is no model of the hub; write hf://OWNER/ID"):
        hub_weights(name)


def test_without_an_owner_nothing_but_hub_names_is_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(cards, "CHECKPOINTS", tmp_path)
    (tmp_path / f"{ID}.json").write_text(json.dumps({}))
    monkeypatch.delenv(OWNER, raising=False)
    assert hub_weights(ID) is None
    assert hub_weights("random") is None
    monkeypatch.setenv(OWNER, "../somebody")
    with pytest.raises(ValueError, match="must be the name of an account"):
        hub_weights(ID)
    (tmp_path / f"{ID}.safetensors").touch()
    assert hub_weights(ID) is None
