"""The contract of nlu/README.md, on the running assistant."""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
import statistics
import subprocess
import time
from pathlib import Path

import pytest

from nlu.fingerprint import ROOT
from nlu.serve import LONGEST_TRAINING_S, _sweep
from tests.fixtures.assistant import PYTHON, Assistant


def body(episode: str, text: str = "你好", **metadata: object) -> dict[str, object]:
    return {"sender": episode, "message": text, "metadata": {"exchange_id": secrets.token_hex(8), **metadata}}


class TestPosting:
    def test_every_message_carries_the_exchange(self, assistant: Assistant, episode: str) -> None:
        turn = assistant.say("你好", episode, exchange="x-77", request_id="r-1")
        assert {m["custom"]["exchange_id"] for m in turn.messages} == {"x-77"}
        assert {m["recipient_id"] for m in turn.messages} == {episode}
        assert turn.state["request_id"] == "r-1"
        for custom in turn.customs:
            assert {"kind", "exchange_id", "text_id", "params", "choices", "intent"} <= set(custom)

    def test_a_wrong_token_is_refused(self, assistant: Assistant, episode: str) -> None:
        """Rasa's own REST channel asks for none."""
        assert assistant.post(body(episode), token="guess").status == 401
        assert assistant.events(episode)[-1]["event"] != "bot"

    @pytest.mark.parametrize(
        "broken",
        [[], {}, {"sender": "e", "message": "你好"}, {"sender": "", "message": "x", "metadata": {"exchange_id": "1"}}],
    )
    def test_a_broken_body_is_refused(self, assistant: Assistant, broken: object) -> None:
        assert assistant.post(broken).status == 422

    @pytest.mark.parametrize("text", ["", "   ", None, "长" * 8001])
    def test_a_text_that_is_none_is_refused(self, assistant: Assistant, episode: str, text: object) -> None:
        assert assistant.post({**body(episode), "message": text}).status == 422

    def test_the_same_exchange_twice_is_one_turn(self, assistant: Assistant, episode: str) -> None:
        """Whoever is not sure that a turn happened posts it again and gets the recorded answer."""
        first = assistant.say("电影一直黑屏", episode, exchange="x-1")
        calls = len(assistant.actions.calls)
        again = assistant.say("电影一直黑屏", episode, exchange="x-1")
        assert (first.replayed, again.replayed) == (False, True)
        assert again.messages == first.messages
        assert len(assistant.actions.calls) == calls
        assert [e["event"] for e in assistant.events(episode)].count("user") == 1

    def test_an_older_exchange_is_found_too(self, assistant: Assistant, episode: str) -> None:
        first = assistant.say("你好", episode, exchange="x-1")
        assistant.say("谢谢", episode, exchange="x-2")
        assert assistant.say("你好", episode, exchange="x-1").messages == first.messages

    def test_a_failing_gateway_is_no_turn(self, assistant: Assistant, episode: str) -> None:
        """Rasa goes on in silence when an action fails; the missing bookkeeping shows it."""
        assistant.actions.status = 500
        turn = assistant.say("你好", episode)
        assert turn.status == 200
        assert not any(m["custom"]["kind"] == "turn" for m in turn.messages)
        assistant.actions.status = 200
        assert assistant.say("谢谢", episode).text_ids == ["smalltalk.thanks"]

    def test_a_locked_database_is_an_error_and_not_a_new_conversation(self, assistant: Assistant, episode: str) -> None:
        """Rasa would answer as if it had never met the customer."""
        assistant.say("电影一直黑屏", episode)
        other = sqlite3.connect(assistant.tracker_db, isolation_level=None)
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
        table = other.execute("SELECT count(*) FROM events").fetchone()
        assert table
        other.execute("ALTER TABLE events RENAME TO events_away")
        other.execute("PRAGMA locking_mode=NORMAL")
        try:
            assert assistant.say("昨天", episode, exchange="x-9").status == 500
        finally:
            other.execute("ALTER TABLE events_away RENAME TO events")
            other.close()
        assert assistant.say("昨天", episode, exchange="x-9").state["slots"]["since"] == "昨天"


class TestLookingUp:
    def test_an_exchange_and_its_answer_are_in_the_tracker(self, assistant: Assistant, episode: str) -> None:
        """What a gateway does after a crash, by the path that the README gives."""
        assistant.say("你好", episode, exchange="x-1")
        turn = assistant.say("谢谢", episode, exchange="x-2")
        assistant.say("再见", episode, exchange="x-3")
        events = assistant.events(episode)
        at = next(i for i, e in enumerate(events) if e["event"] == "user" and e["metadata"]["exchange_id"] == "x-2")
        answer = []
        for event in events[at + 1 :]:
            if event["event"] == "user":
                break
            if event["event"] == "bot":
                answer.append(event["data"]["custom"])
        assert answer == [m["custom"] for m in turn.messages]
        assert answer[-1]["kind"] == "turn"

    def test_looking_up_a_stranger_leaves_nothing_behind(self, assistant: Assistant, episode: str) -> None:
        """The first real message is still a first message."""
        assert not [e for e in assistant.events(episode) if e["event"] == "user"]
        assert assistant.say("你好", episode).text_ids == ["smalltalk.greet"]
        assert [e["event"] for e in assistant.events(episode)].count("user") == 1

    @pytest.mark.parametrize("odd", ["e/1", "e 1", "e?1", "中", "e%31", "x" * 129])
    def test_an_episode_that_could_not_be_looked_up_is_refused(self, assistant: Assistant, odd: str) -> None:
        """Rasa does not decode the path of the tracker's address."""
        assert assistant.post(body(odd)).status == 422

    def test_the_tracker_needs_the_token(self, assistant: Assistant, episode: str) -> None:
        assert assistant.get(f"/conversations/{episode}/tracker", token="guess")[0] == 401

    def test_status_names_the_model(self, assistant: Assistant) -> None:
        status, answer = assistant.get("/status")
        assert (status, Path(answer["model_file"]).name) == (200, assistant.model.name)


class TestTheProcess:
    def test_the_token_is_not_on_the_command_line(self, assistant: Assistant) -> None:
        """Every user of the machine can read command lines."""
        line = Path(f"/proc/{assistant.process.pid}/cmdline").read_text()
        assert "nlu.serve" in line
        assert assistant.token not in line

    def test_it_knows_no_secret_but_its_own(self, assistant: Assistant) -> None:
        environment = Path(f"/proc/{assistant.process.pid}/environ").read_text()
        assert "open sesame" not in environment
        assert "RASA_TELEMETRY_ENABLED=false" in environment
        for name in ("TF_INTER_OP_PARALLELISM_THREADS", "TF_INTRA_OP_PARALLELISM_THREADS", "SANIC_WORKERS"):
            assert f"{name}=1" in environment

    def test_it_listens_on_the_loopback_address_alone(self, assistant: Assistant) -> None:
        port = int(assistant.url.rsplit(":", 1)[1])
        lines = Path("/proc/net/tcp").read_text().splitlines()[1:] + Path("/proc/net/tcp6").read_text().splitlines()[1:]
        listening = [
            f[1] for f in (line.split() for line in lines) if f[3] == "0A" and int(f[1].split(":")[1], 16) == port
        ]
        assert [address.split(":")[0] for address in listening] == ["0100007F"]

    def test_it_is_one_process(self, assistant: Assistant) -> None:
        """The lock is in memory, so a second worker would not see it."""
        children = Path(f"/proc/{assistant.process.pid}/task/{assistant.process.pid}/children").read_text()
        assert children.strip() == ""

    def test_neither_words_nor_tokens_are_logged(self, assistant: Assistant, episode: str) -> None:
        assistant.say("我的秘密是芝麻开门", episode)
        assistant.get("/status")
        log = assistant.log.read_text(errors="replace")
        assert "芝麻开门" not in log
        assert assistant.token not in log

    def test_leftovers_of_killed_trainings_are_swept(self, tmp_path: Path) -> None:
        """By age, because a training may run beside a start."""
        old, young = tmp_path / ".training-old", tmp_path / ".training-young"
        for folder in (old, young):
            (folder / "cache").mkdir(parents=True)
        then = time.time() - LONGEST_TRAINING_S - 60
        os.utime(old, (then, then))
        _sweep(tmp_path)
        assert (old.exists(), young.exists()) == (False, True)

    @pytest.mark.parametrize(
        ("change", "complaint"),
        [
            ({"FRONTLINE_RASA_TOKEN": ""}, "FRONTLINE_RASA_TOKEN is not set"),
            ({"FRONTLINE_RASA_TOKEN": "short"}, "shorter than 16"),
            ({"FRONTLINE_ACTION_URL": ""}, "FRONTLINE_ACTION_URL is not set"),
            ({}, "there is no model at"),
        ],
    )
    def test_it_refuses_to_start_half_ready(self, tmp_path: Path, change: dict[str, str], complaint: str) -> None:
        """Rasa itself would start without a model and answer every message with nothing."""
        environment = {
            "PATH": os.environ["PATH"],
            "FRONTLINE_RASA_TOKEN": "x" * 24,
            "FRONTLINE_TRACKER_DB": str(tmp_path / "t.db"),
            "FRONTLINE_ACTION_URL": "http://127.0.0.1:9/actions",
            "FRONTLINE_ACTION_TOKEN": "y" * 24,
            **change,
        }
        command = [str(PYTHON), "-m", "nlu.serve", "--model", str(tmp_path / "no.tar.gz"), "--port", "9"]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=30)
        assert done.returncode == 2
        assert complaint in done.stderr


def test_a_turn_takes_little_of_a_core(assistant: Assistant, episode: str) -> None:
    """Processor time, because the clock on the wall measures the neighbours. Prints what the README tells."""
    texts = ["会员多少钱", "怎么退款", "转人工", "谢谢", "我的工单呢", "今天天气怎么样", "建议出电视版", "怎么投屏"]
    assistant.say("你好", episode)
    spent, waited = [], []
    for round_ in range(4):
        for text in texts:
            before, began = _processor_ms(assistant.process.pid), time.perf_counter()
            assistant.say(f"{text}{round_}", f"{episode}-{round_}")
            waited.append((time.perf_counter() - began) * 1000)
            spent.append(_processor_ms(assistant.process.pid) - before)
    print(json.dumps({"cpu_ms_mean": statistics.mean(spent), "wall_ms_p50": statistics.median(waited)}))
    assert statistics.mean(spent) < 60


def _processor_ms(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")
