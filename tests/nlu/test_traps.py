"""What Rasa does when nobody stops it. Each test fails when its stop is taken away."""

from __future__ import annotations

import json
import sqlite3

import pytest

from nlu.fingerprint import ROOT
from tests.fixtures.assistant import Assistant

COMMANDS = [
    "/restart",
    "／restart",
    "//restart",
    " /restart",
    "/session_start",
    "/back",
    "/ask_human",
    '/inform{"city": "nowhere"}',
    '/report_problem@1.0{"problem": "x"}',
    "/action_turn",
]


@pytest.mark.parametrize("text", COMMANDS)
def test_a_typed_command_is_text(assistant: Assistant, episode: str, text: str) -> None:
    """Rasa takes a leading slash for an intent; a customer could forget the conversation or set any slot."""
    assistant.say("电影一直黑屏", episode)
    turn = assistant.say(text, episode)
    assert turn.state["intent"]["name"] == "nlu_fallback"
    assert turn.state["active_form"] == "report_problem_form"
    assert turn.state["slots"]["problem"] == "电影一直黑屏"
    assert "nowhere" not in json.dumps(turn.state["slots"])
    assert not {"restart", "rewind", "undo"} & {e["event"] for e in assistant.events(episode)}


def test_words_behind_a_slash_are_read(assistant: Assistant, episode: str) -> None:
    assert assistant.say("/转人工", episode).kinds == ["handoff"]


def test_no_session_of_rasas_own_begins(assistant: Assistant, episode: str) -> None:
    """By default an hour of silence resets the conversation; an episode on WeChat lasts a day."""
    assistant.say("电影一直黑屏", episode)
    with sqlite3.connect(assistant.tracker_db) as database:
        rows = database.execute("SELECT id, timestamp, data FROM events WHERE sender_id = ?", (episode,)).fetchall()
        for number, at, data in rows:
            earlier = {**json.loads(data), "timestamp": at - 7200}
            changed = (at - 7200, json.dumps(earlier), number)
            database.execute("UPDATE events SET timestamp = ?, data = ? WHERE id = ?", changed)
    turn = assistant.say("昨天晚上", episode)
    assert turn.state["slots"]["since"] == "昨天晚上"
    assert [e["event"] for e in assistant.events(episode)].count("session_started") == 1


def test_a_turn_is_one_action_call_and_few_predictions(assistant: Assistant, episode: str) -> None:
    """Each call opens a connection and sends the whole conversation; five predictions would end a turn."""
    said = ["你好", "我要反馈问题", "电影一直黑屏", "会员怎么退款", "昨天", "算了", "😀", "转人工"]
    for text in said:
        calls = len(assistant.actions.calls)
        assistant.say(text, episode)
        assert len(assistant.actions.calls) == calls + 1, text
    events = assistant.events(episode)
    turns: list[int] = []
    for event in events:
        if event["event"] == "user":
            turns.append(0)
        elif event["event"] == "action" and turns:
            turns[-1] += 1
    assert len(turns) == len(said)
    assert max(turns) <= 2


def test_nothing_pauses(assistant: Assistant, episode: str) -> None:
    """Who speaks is the gateway's to know. A paused Rasa still reads, and forgets that it is paused."""
    assistant.say("转人工", episode)
    assert assistant.say("你好", episode).text_ids == ["smalltalk.greet"]
    assert not {"pause", "resume"} & {e["event"] for e in assistant.events(episode)}


def test_calls_carry_no_domain_and_no_token_in_the_address(assistant: Assistant, episode: str) -> None:
    assistant.say("你好", episode)
    assert "domain" not in assistant.actions.calls[-1]
    assert assistant.actions.addresses[-1] == "/actions"


def test_blanks_are_no_tokens(assistant: Assistant) -> None:
    """They would count as words and shift every feature behind them."""
    text = "note 12 投屏 失败"
    tokens = [text[a:b] for a, b in assistant.parse(text)["text_tokens"]]
    assert all(token.strip() for token in tokens)
    assert "投屏" in tokens


def test_our_words_are_not_cut(assistant: Assistant) -> None:
    """The dictionary is in the model; without it jieba cuts 「转人工」 and 「音画不同步」 to pieces."""
    for word in ("转人工", "音画不同步", "自动续费"):
        text = f"请问{word}呢"
        assert word in [text[a:b] for a, b in assistant.parse(text)["text_tokens"]]


def test_confidence_is_modest_where_nothing_is_known(assistant: Assistant) -> None:
    """A classifier that is sure of nonsense would act on it."""
    for text in ("锟斤拷烫", "ㄅㄆㄇㄈㄉ", "wqoeiruzx"):
        parsed = assistant.parse(text)
        assert parsed["intent"]["name"] in ("nlu_fallback", "out_of_scope"), text


def test_a_long_conversation_stays_quick(assistant: Assistant, episode: str) -> None:
    """The whole tracker goes to each action, so what is kept of a turn must be small."""
    for number in range(20):
        assistant.say(f"会员多少钱{number}", episode)
    assert len(json.dumps(assistant.actions.calls[-1])) < 20 * 8_000


def test_settings_that_no_test_can_wait_for() -> None:
    """The remaining stops are lines of configuration."""
    read = {name: (ROOT / name).read_text(encoding="utf-8") for name in ("config.yml", "domain.yml", "endpoints.yml")}
    assert "assistant_id: frontline" in read["config.yml"]
    assert read["config.yml"].count("use_word_boundaries: false") == 2
    assert "session_expiration_time: 0" in read["domain.yml"]
    assert "restart" not in read["domain.yml"]
    assert "enable_selective_domain: true" in read["endpoints.yml"]
    assert "token:" not in "".join(line for line in read["endpoints.yml"].splitlines() if not line.startswith("#"))
