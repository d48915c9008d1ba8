"""The assistant's client against a real server that speaks (or misspeaks) its wire."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st

from bot.assistant import MAX_CHARACTERS, Question, RasaAssistant, plain, read_turn
from core.counters import Counters
from core.errors import AssistantBusy, AssistantUnavailable

TURN = {
    "kind": "turn",
    "exchange_id": "exc_1",
    "intent": {"name": "greet", "confidence": 0.97},
    "ranking": [{"name": "greet", "confidence": 0.97}],
    "active_form": None,
    "requested_slot": None,
    "slots": {"city": None},
}
GREETING = {
    "kind": "text",
    "text_id": "smalltalk.greet",
    "params": {},
    "choices": [{"id": "human", "label_id": "choice.human"}],
}


class Rasa:
    """A server on port 0; `answer` is what it says next, `seen` what it was asked."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []
        self.headers: list[str | None] = []
        self.answer: Any = [{"recipient_id": "e", "custom": GREETING}, {"recipient_id": "e", "custom": TURN}]
        self.status = 200
        self.wait_s = 0.0
        self.raw: bytes | None = None
        self.events: list[dict[str, Any]] = []

    async def webhook(self, request: web.Request) -> web.Response:
        self.seen.append(await request.json())
        self.headers.append(request.headers.get("Authorization"))
        await asyncio.sleep(self.wait_s)
        body = self.raw if self.raw is not None else json.dumps(self.answer).encode()
        return web.Response(status=self.status, body=body, content_type="application/json")

    async def tracker(self, request: web.Request) -> web.Response:
        assert request.query["token"] == "t" * 16
        return web.json_response({"sender_id": request.match_info["id"], "events": self.events})

    async def ready(self, request: web.Request) -> web.Response:
        return web.json_response({"model_file": "models/abc.tar.gz"}, status=self.status)


@pytest.fixture
async def rasa() -> Rasa:
    return Rasa()


@pytest.fixture
async def server(rasa: Rasa) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/webhooks/rest/webhook", rasa.webhook)
    app.router.add_get("/conversations/{id}/tracker", rasa.tracker)
    app.router.add_get("/status", rasa.ready)
    async with TestServer(app) as running:
        yield str(running.make_url("/"))


@pytest.fixture
async def client(server: str) -> AsyncIterator[RasaAssistant]:
    async with aiohttp.ClientSession() as session:
        yield RasaAssistant(session, [server], "t" * 16, 0.3, Counters())


def ask(text: str = "你好", **more: Any) -> Question:
    fields: dict[str, Any] = {"slot": 7, "exchange_id": "exc_1", "request_id": "req_1", "epoch": 3}
    return Question(episode_id="eps_1", conversation_id="cnv_1", text=text, **{**fields, **more})


async def test_a_turn_is_read_and_the_wire_is_as_agreed(client: RasaAssistant, rasa: Rasa) -> None:
    turn = await client.ask(ask("／restart", choice="skip", drop_form=True, profile={"city": "杭州", "speed": ""}))
    assert turn is not None
    assert (turn.intent, turn.confidence, turn.active_form) == ("greet", 0.97, None)
    assert (turn.said[0].text_id, turn.said[0].choices) == ("smalltalk.greet", (("human", "choice.human"),))
    [body] = rasa.seen
    assert (body["sender"], body["message"]) == ("eps_1", "restart")
    assert body["metadata"] == {
        "exchange_id": "exc_1",
        "request_id": "req_1",
        "conversation_id": "cnv_1",
        "epoch": 3,
        "choice": "skip",
        "form": "drop",
        "profile": {"city": "杭州"},
    }
    assert rasa.headers == ["Bearer " + "t" * 16]


async def test_an_empty_answer_is_no_turn(client: RasaAssistant, rasa: Rasa) -> None:
    rasa.answer = []
    assert await client.ask(ask()) is None
    rasa.answer = [{"recipient_id": "e", "custom": GREETING}]
    assert await client.ask(ask()) is None


@pytest.mark.parametrize("raw", [b"", b"<html>", b"\xff\xfe", b"[" * 3000, b'"' + b"x" * 300_000 + b'"'])
async def test_nonsense_is_unavailable(client: RasaAssistant, rasa: Rasa, raw: bytes) -> None:
    rasa.raw = raw
    with pytest.raises(AssistantUnavailable):
        await client.ask(ask())


@pytest.mark.parametrize("answer", [{}, None, 5, "x", [None, 1], [{"custom": 3}], [{"custom": {"kind": 4}}]])
async def test_json_of_another_shape_is_no_turn(client: RasaAssistant, rasa: Rasa, answer: Any) -> None:
    rasa.answer = answer
    with contextlib.suppress(AssistantUnavailable):
        assert await client.ask(ask()) is None


async def test_a_late_answer_is_not_waited_for(client: RasaAssistant, rasa: Rasa) -> None:
    rasa.wait_s = 1.0
    started = asyncio.get_running_loop().time()
    with pytest.raises(AssistantUnavailable):
        await client.ask(ask())
    assert asyncio.get_running_loop().time() - started < 0.8


async def test_in_a_rush_no_more_are_asked_than_can_be_answered_in_time(server: str, rasa: Rasa) -> None:
    rasa.wait_s = 0.4
    async with aiohttp.ClientSession() as session:
        client = RasaAssistant(session, [server], "t" * 16, 3.0, Counters())
        answers = await asyncio.gather(*(client.ask(ask()) for _ in range(20)), return_exceptions=True)
        refused = [answer for answer in answers if isinstance(answer, AssistantBusy)]
        assert 0 < len(refused) == 20 - len(rasa.seen)
        assert not [answer for answer in answers if isinstance(answer, BaseException) and answer not in refused]
        assert client.up(7), "who was not asked has not failed"
        assert await client.ask(ask()) is not None


async def test_after_failures_in_a_row_it_is_left_alone(client: RasaAssistant, rasa: Rasa) -> None:
    rasa.status = 500
    for _ in range(5):
        with pytest.raises(AssistantUnavailable):
            await client.ask(ask())
    assert not client.up(7)
    with pytest.raises(AssistantUnavailable):
        await client.ask(ask())
    assert len(rasa.seen) == 5


async def test_the_tracker_tells_what_was_said_to_an_exchange(client: RasaAssistant, rasa: Rasa) -> None:
    def user(exchange_id: str) -> dict[str, Any]:
        return {"event": "user", "metadata": {"exchange_id": exchange_id}}

    def bot(payload: dict[str, Any]) -> dict[str, Any]:
        return {"event": "bot", "data": {"custom": payload}}

    other = {**TURN, "intent": {"name": "bye", "confidence": 1.0}}
    rasa.events = [{"event": "action"}, user("exc_0"), bot(other), user("exc_1"), bot(GREETING), bot(TURN), user("x")]
    turn = await client.recall(0, "eps_1", "exc_1")
    assert turn is not None
    assert (turn.intent, turn.said[0].text_id) == ("greet", "smalltalk.greet")
    assert await client.recall(0, "eps_1", "exc_9") is None


async def test_none_configured_is_unavailable_and_ready_names_the_model(client: RasaAssistant, rasa: Rasa) -> None:
    assert await client.probe(0) == "abc.tar.gz"
    rasa.status = 409
    assert await client.probe(0) is None
    async with aiohttp.ClientSession() as session:
        nobody = RasaAssistant(session, [], "t", 1.0, Counters())
        assert not nobody.up(0)
        with pytest.raises(AssistantUnavailable):
            await nobody.ask(ask())


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("/restart", "restart"),
        ("／／intent{}", "intent{}"),
        ("\u200b/x", "x"),
        (" / /x", "x"),
        ("/", "?"),
        ("1/2", "1/2"),
    ],
)
def test_no_text_is_a_command(text: str, read: str) -> None:
    assert plain(text) == read


@given(st.text())
def test_plain_texts_never_begin_with_a_slash(text: str) -> None:
    said = plain(text)
    assert said
    assert not said.startswith("/")
    assert len(said) <= MAX_CHARACTERS


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_any_payload_can_be_read(payload: Any) -> None:
    read_turn([payload, {"kind": "turn", "intent": payload, "slots": payload, "ranking": payload}])
