"""What `frontline run` starts, and what each of them may know."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from core.settings import Settings
from gateway.launch import plan, sockets
from gateway.launch.sockets import LONGEST_ADDRESS, PortInUse, require_free, socket_path
from gateway.run import run
from nlu.fingerprint import model_path


def settings(data: Path, **more: object) -> Settings:
    """Settings over one folder, on ports that are free."""
    port = sockets.free_port()
    values = {"data": data, "demo": True, "port": port, "action_port": sockets.free_port()} | more
    return Settings(demo_shop_port=sockets.free_port(), **values)  # type: ignore[arg-type]  # by name


@contextmanager
def serving(status: int, answer: object) -> Iterator[int]:
    """A small HTTP server that always says the same; gives its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def trained(data: Path) -> Path:
    """As if the assistant of the present training data had been trained."""
    model = model_path(data / "assistant" / "models")
    model.parent.mkdir(parents=True)
    model.touch()
    return model


class TestTheAssistants:
    """Old libraries, so they know little and listen on the loopback address."""

    def test_they_know_no_secret_but_their_own(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Neither the database's password nor anything else of the parent's environment reaches them."""
        monkeypatch.setenv("FRONTLINE_DATABASE_URL", "postgresql://user:password@host/db")
        monkeypatch.setenv("SOME_TOKEN", "secret")
        trained(tmp_path)
        (program,) = plan.assistant_programs(settings(tmp_path), [5005], "own token", "action token")
        allowed = {*plan._HARMLESS, "HOME", "TMPDIR"}  # The list itself is what is tested here.
        own = {"FRONTLINE_RASA_TOKEN", "FRONTLINE_TRACKER_DB", "FRONTLINE_ACTION_URL", "FRONTLINE_ACTION_TOKEN"}
        assert program.environment.keys() <= allowed | own
        assert not [word for word in program.command if "token" in word]
        assert program.environment["HOME"].startswith(str(tmp_path))

    def test_each_slot_has_its_port_and_its_conversations(self, tmp_path: Path) -> None:
        """A slot is kept on the episode, so its tracker must not move."""
        trained(tmp_path)
        programs = plan.assistant_programs(settings(tmp_path), [5005, 5006], "t", "a")
        assert [program.name for program in programs] == ["assistant-0", "assistant-1"]
        databases = {Path(program.environment["FRONTLINE_TRACKER_DB"]).name for program in programs}
        assert databases == {"tracker-0.db", "tracker-1.db"}

    def test_without_a_trained_model_none_is_started(self, tmp_path: Path) -> None:
        """Rasa would start, and answer everything with nothing."""
        assert plan.assistant_programs(settings(tmp_path), [5005], "t", "a") == []

    async def test_another_model_than_the_one_started_is_not_ready(self, tmp_path: Path) -> None:
        """Nor is one that is up but has loaded none."""
        model = trained(tmp_path)
        for answer, expected in (
            ({"model_file": f"/elsewhere/{model.name}"}, True),
            ({"model_file": "/elsewhere/old.tar.gz"}, False),
            ({"status": "no model"}, False),
        ):
            with serving(200, answer) as port:
                (program,) = plan.assistant_programs(settings(tmp_path), [port], "t", "a")
                assert await program.works() is expected
        with serving(409, {"reason": "Conflict"}) as port:
            (program,) = plan.assistant_programs(settings(tmp_path), [port], "t", "a")
            assert await program.works() is False


class TestTheEncoder:
    """One per machine; without a model search is lexical."""

    def test_the_model_is_the_named_one_or_the_one_the_set_up_finished(self, tmp_path: Path) -> None:
        """A folder without its manifest is not finished."""
        address = tmp_path / "encoder.sock"
        (tmp_path / "models" / "half").mkdir(parents=True)
        assert plan.encoder_program(settings(tmp_path), address) is None
        (tmp_path / "models" / "whole").mkdir()
        (tmp_path / "models" / "whole" / "frontline.json").touch()
        program = plan.encoder_program(settings(tmp_path), address)
        assert program is not None
        assert program.command[-1] == str(tmp_path / "models" / "whole")
        program = plan.encoder_program(settings(tmp_path, kb_model="some/model"), address)
        assert program is not None
        assert program.command[-1] == "some/model"


class TestAddresses:
    """Sockets that fit, ports that are free, or a word about what to change."""

    def test_a_socket_in_a_deep_folder_gets_a_short_address(self, tmp_path: Path) -> None:
        """The same one each time, in a place only we can enter."""
        assert socket_path(tmp_path, "a.sock") == tmp_path / "a.sock"
        deep = tmp_path / ("深" * 60)
        path = socket_path(deep, "a.sock")
        assert len(str(path).encode()) <= LONGEST_ADDRESS
        assert path == socket_path(deep, "a.sock")
        assert path.parent.stat().st_mode & 0o777 == 0o700
        path.parent.rmdir()

    def test_a_port_in_use_is_named_with_its_setting(self) -> None:
        """So that the operator knows what to change."""
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            with pytest.raises(PortInUse, match="FRONTLINE_PORT"):
                require_free("127.0.0.1", taken.getsockname()[1], "FRONTLINE_PORT")

    async def test_a_gateway_that_refuses_messages_is_not_open(self, tmp_path: Path) -> None:
        """Nor is one that says nothing at all."""
        for status, expected in ((200, {"parts": {}}), (503, None)):
            with serving(status, {"parts": {}}) as port:
                assert await plan.ask_ready(settings(tmp_path, port=port)) == expected
        assert await plan.ask_ready(settings(tmp_path)) is None


def test_a_run_that_cannot_start_says_why_and_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1 and one sentence that names the setting."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert run(settings(tmp_path, port=taken.getsockname()[1])) == 1
    assert "FRONTLINE_PORT" in capsys.readouterr().err
    assert run(settings(tmp_path, gateways=2)) == 1
    assert "FRONTLINE_GATEWAYS=1" in capsys.readouterr().err
    assert not list((tmp_path / "run").glob("*.process.json"))
