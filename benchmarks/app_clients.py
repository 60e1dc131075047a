"""A visitor of the explorer that speaks Streamlit's own protocol, and what visitors of any kind
meet.

A session may only ever be told of the galaxy that it clicked and of the one it had before; any
other is an answer to somebody else.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

PATIENCE = 60.0  # seconds until a click counts as not answered
OPENING = 900.0  # seconds until an opening does
Result = TypeVar("Result")


def run(task: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
    """Run a coroutine in a thread of its own: the caller's thread may have a running loop, as
    Playwright has.
    """
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: asyncio.run(task())).result()


@dataclass
class Tally:
    """What the visitors of one kind met; seconds."""

    opened: list[float] = field(default_factory=list)
    answered: list[float] = field(default_factory=list)  # click to the card that names the galaxy
    finished: list[float] = field(default_factory=list)  # click to the end of the script's run
    errors: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    clicks: int = 0
    ids: dict[int, str] = field(default_factory=dict)  # row -> id, as any visitor was told
    rows: dict[str, int] = field(default_factory=dict)  # and back

    def check(self, row: int, name: str, allowed: tuple[int | None, ...]) -> None:
        """Take down a galaxy that a visitor was shown who may be shown only `allowed`, or any
        where that is empty.
        """
        if allowed and row not in allowed:
            self.wrong.append(f"galaxy {row} was shown to one who had clicked {allowed[0]}")
        if name and self.ids.setdefault(row, name) != name:
            self.wrong.append(f"galaxy {row} was called {name} and {self.ids[row]}")
        elif name and self.rows.setdefault(name, row) != row:
            self.wrong.append(f"{name} was galaxy {row} and {self.rows[name]}")


class Visitor:
    """One session over a websocket: keeps what a browser keeps, draws nothing, fetches the
    pictures.
    """

    def __init__(self, url: str, tally: Tally, query: str = "map=umap") -> None:
        self.url, self.tally = url, tally
        self.query, self.page = query, ""
        self.held: dict[str, ForwardMsg] = {}  # large messages that the server need not send again
        self.timers: dict[str, asyncio.Task[None]] = {}  # fragments that run every so often
        self.fetching: set[asyncio.Task[None]] = set()
        self.fetched: set[str] = set()
        self.trigger = self.fragment = ""  # of the map
        self.histograms = ""  # their trigger
        self.count = 0  # galaxies on the map
        self.row: int | None = None  # the galaxy on the card
        self.headed: dict[str, float] = {}  # headings of this run, and when they came
        self.allowed: tuple[int | None, ...] = ()  # the one that was clicked, the one before
        self.pages: dict[str, str] = {}  # title -> what names it to the server
        self.choices: dict[str, str] = {}  # label of a menu -> what names it to the server
        self.answered = self.finished = 0.0  # times of the last click's answer
        self.asked = self.heard = 0.0  # times of the last message and of the last part of a page
        self.payload = 0  # bytes of the map
        self.running = True
        self.news = asyncio.Event()
        self.socket: Any = None
        self.reader: Any = None

    async def open(self) -> None:
        """Connect as a browser does and wait until the map is there and the script rests."""
        began = time.perf_counter()
        address = self.url.replace("http", "ws", 1) + "/_stcore/stream"
        tokens: Any = ["streamlit", "PLACEHOLDER_AUTH_TOKEN"]
        origin: Any = self.url
        self.socket = await websockets.connect(
            address, subprotocols=tokens, origin=origin, max_size=None, open_timeout=PATIENCE
        )
        self.reader = asyncio.create_task(self._read())
        await self._rerun()
        await self._until(self._rests, OPENING)
        self.tally.opened.append(time.perf_counter() - began)

    async def click(self, row: int) -> None:
        """Send what a click on the map sends, and wait for the end of the run that names the
        galaxy.
        """
        if self.finished and self.row != self.allowed[0]:
            self.tally.wrong.append(
                f"the card went back from galaxy {self.allowed[0]} to {self.row}"
            )
        self.allowed, self.answered, self.finished = (row, self.row), 0.0, 0.0
        self.tally.clicks += 1
        began = self.asked = time.perf_counter()
        event = json.dumps([{"event": "click", "value": {"row": row}}])
        await self._rerun(self.fragment, {self.trigger: event})
        try:
            await self._until(lambda: self.finished > 0, PATIENCE)
        except TimeoutError:
            self.tally.errors.append(
                f"no answer to a click on galaxy {row} within {PATIENCE:.0f} s"
            )
            return
        self.tally.answered.append(self.answered - began)
        self.tally.finished.append(self.finished - began)

    async def answer(self, event: str, part: str, value: Any) -> float:
        """Send what the map sends, and return the seconds to the last part of the answer."""
        message = json.dumps([{"event": event, "value": {part: value}}])
        return await self._last_part(self._rerun(self.fragment, {self.trigger: message}))

    async def choose(self, label: str, option: str) -> float:
        """Choose in a menu, and return the seconds to the last part of the answer."""
        return await self._last_part(self._rerun(chosen={self.choices[label]: option}))

    async def set(self, label: str, value: str | bool | list[str]) -> float:
        """Set a widget beside the map (a box, a folded part, a menu of many), and return the
        seconds to the last part of the answer.
        """
        asked = self._rerun(self.fragment, chosen={self.choices[label]: value})
        return await self._last_part(asked)

    async def choose_bars(self, column: str, first: int, last: int) -> float:
        """Choose bars of a histogram, and return the seconds to the last part of the answer."""
        value = {"choice": [column, first, last]}
        message = json.dumps([{"event": "choice", "value": value}])
        return await self._last_part(self._rerun(self.fragment, {self.histograms: message}))

    async def visit(self, title: str) -> float:
        """Go to another page, and return the seconds to its last part."""
        self.page, self.query = self.pages[title], ""
        return await self._last_part(self._rerun())

    async def _last_part(self, ask: Coroutine[Any, Any, None]) -> float:
        self.asked, self.running = time.perf_counter(), True
        await ask
        await self._until(lambda: not self.running and not self.timers, PATIENCE)
        return self.heard - self.asked

    async def close(self) -> None:
        """Leave, as by closing the window."""
        for task in [*self.timers.values(), *self.fetching]:
            task.cancel()
        if self.reader is not None:
            self.reader.cancel()
            await self.socket.close()
            await asyncio.gather(
                self.reader, *self.timers.values(), *self.fetching, return_exceptions=True
            )

    def _rests(self) -> bool:
        return bool(self.trigger) and self.row is not None and not self.running and not self.timers

    async def _until(self, true: Callable[[], bool], seconds: float) -> None:
        async with asyncio.timeout(seconds):
            while not true():
                if self.reader.done():
                    raise ConnectionError("the server ended the session")
                self.news.clear()
                await self.news.wait()

    async def _rerun(
        self,
        fragment: str = "",
        triggers: dict[str, str] | None = None,
        *,
        chosen: Mapping[str, str | bool | list[str]] | None = None,
        timer: bool = False,
    ) -> None:
        message = BackMsg()
        ask = message.rerun_script
        ask.query_string, ask.page_script_hash, ask.fragment_id, ask.is_auto_rerun = (
            self.query,
            self.page,
            fragment,
            timer,
        )
        ask.cached_message_hashes.extend(self.held)
        ask.context_info.timezone, ask.context_info.locale, ask.context_info.url = (
            "UTC",
            "en-US",
            f"{self.url}/",
        )
        for key, value in (triggers or {}).items():
            widget = ask.widget_states.widgets.add()
            widget.id, widget.json_trigger_value = key, value
        for key, choice in (chosen or {}).items():
            widget = ask.widget_states.widgets.add()
            widget.id = key
            if isinstance(choice, bool):
                widget.bool_value = choice
            elif isinstance(choice, list):
                widget.string_array_value.data.extend(choice)
            else:
                widget.string_value = choice
        ask.widget_states.SetInParent()
        await self.socket.send(message.SerializeToString())

    async def _read(self) -> None:
        message = ForwardMsg()
        try:
            async for data in self.socket:
                message = ForwardMsg()
                message.ParseFromString(data if isinstance(data, bytes) else data.encode())
                self._hear(message)
                self.news.set()
        except Exception as error:
            self.tally.errors.append(f"{type(error).__name__}: {error}")
        finally:
            self.news.set()

    def _hear(self, message: ForwardMsg) -> None:
        if message.metadata.cacheable:
            self.held[message.hash] = message
        kind = message.WhichOneof("type")
        if kind == "ref_hash":
            message, kind = self.held[message.ref_hash], "delta"
        if kind == "new_session":
            self.running, self.headed = True, {}
            self.page = message.new_session.page_script_hash or self.page
            if not message.metadata.run.fragment_ids:
                self._stop(list(self.timers))
        elif kind == "navigation":
            self.page = message.navigation.page_script_hash
            self.pages = {
                page.page_name: page.page_script_hash for page in message.navigation.app_pages
            }
        elif kind == "page_info_changed":
            self.query = message.page_info_changed.query_string
        elif kind == "auto_rerun":
            asked = message.auto_rerun
            self._stop([asked.fragment_id])
            self.timers[asked.fragment_id] = asyncio.create_task(
                self._again(asked.fragment_id, asked.interval)
            )
        elif kind == "stop_auto_rerun":
            self._stop(message.stop_auto_rerun.fragment_ids)
        elif kind == "script_finished":
            self.running = False
            early = message.script_finished == ForwardMsg.FINISHED_EARLY_FOR_RERUN
            if self.answered and not self.finished and not early:
                self.finished = time.perf_counter()
            if message.script_finished == ForwardMsg.FINISHED_WITH_COMPILE_ERROR:
                self.tally.errors.append("the script does not compile")
        elif kind == "delta":
            self.heard = time.perf_counter()
            if message.delta.WhichOneof("type") == "new_element":
                self._see(message.delta.new_element, message.delta.fragment_id)
            elif message.delta.add_block.expandable.label:
                block = message.delta.add_block
                self.choices[block.expandable.label] = block.id

    def _see(self, element: Any, fragment: str) -> None:
        kind = element.WhichOneof("type")
        if kind == "exception":
            self.tally.errors.append(
                f"exception: {element.exception.type}: {element.exception.message}"
            )
        elif kind == "alert" and element.alert.format == element.alert.ERROR:
            self.tally.errors.append(f"shown: {element.alert.body}")
        elif kind == "heading":
            self.headed[re.sub(r"\\(.)", r"\1", element.heading.body)] = time.perf_counter()
        elif kind in ("selectbox", "multiselect", "text_input"):
            widget = getattr(element, kind)
            self.choices[widget.label] = widget.id
        elif kind == "imgs":
            self._fetch(element.imgs.imgs[0].url)
        elif kind == "bidi_component":
            self._component(element.bidi_component, fragment)

    def _component(self, component: Any, fragment: str) -> None:
        name = component.component_name
        if name == "astrojepa_latent_map":
            self.payload = len(component.bytes)
            size = int.from_bytes(component.bytes[:4], "little")
            header = json.loads(component.bytes[4 : 4 + size])
            self.count = header.get("tile", {}).get("total", header["count"])
            self.trigger, self.fragment = _events(component), fragment
        elif name == "astrojepa_histograms":
            self.histograms = _events(component)
        elif (
            name == "astrojepa_latent_map_state"
            and (row := json.loads(component.json).get("selected")) is not None
        ):
            self.tally.check(row, "", self.allowed)
        elif name == "astrojepa_copy_link":
            self._card(dict(urllib.parse.parse_qsl(json.loads(component.json)["query"])))
        elif name in ("astrojepa_gallery", "astrojepa_gallery_marked"):
            sheet = json.loads(component.json)
            self._fetch(
                f"{sheet['pictures']}/{sheet['side']}?rows={','.join(map(str, sheet['rows']))}"
            )

    def _card(self, link: dict[str, str]) -> None:
        """Take down the galaxy of a card: headed by its id, with a link to it below."""
        if "galaxy" not in link:
            return
        self.row = int(link["galaxy"])
        self.tally.check(self.row, link["id"], self.allowed)
        if link["id"] not in self.headed:
            self.tally.wrong.append(f"the card of {link['id']} is headed {[*self.headed]}")
        elif self.allowed and self.row == self.allowed[0] and not self.answered:
            self.answered = self.headed[link["id"]]

    def _fetch(self, path: str) -> None:
        async def get() -> None:
            try:
                with await asyncio.to_thread(
                    urllib.request.urlopen, self.url + path, timeout=PATIENCE
                ) as answer:
                    await asyncio.to_thread(answer.read)
            except OSError as error:
                self.tally.errors.append(f"picture {path}: {error}")

        if path not in self.fetched and path.startswith("/"):
            self.fetched.add(path)
            self.fetching.add(task := asyncio.create_task(get()))
            task.add_done_callback(self.fetching.discard)

    async def _again(self, fragment: str, interval: float) -> None:
        with suppress(websockets.ConnectionClosed):
            while True:
                await asyncio.sleep(interval)
                await self._rerun(fragment, timer=True)

    def _stop(self, fragments: Any) -> None:
        for fragment in fragments:
            if fragment in self.timers:
                self.timers.pop(fragment).cancel()


def _events(component: Any) -> str:
    """What names the events of a component to the server."""
    return f"$$STREAMLIT_INTERNAL_KEY_{component.id}__events"
