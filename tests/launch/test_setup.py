"""The set-up: it finds its interpreters, does only what is not done, and says what failed and what to do."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from gateway.launch import bootstrap, stamps
from gateway.launch.pythons import NoPython, candidates, find_cpython
from gateway.launch.registry import parse_pip_configuration, uv_environment
from gateway.launch.steps import Shell, Step, run_steps


def python_that_says(path: Path, text: str, code: int = 0) -> Path:
    """A stand-in for an interpreter."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho {text}\nexit {code}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


class TestFindingCPython:
    """A candidate counts when it runs and says its version."""

    def test_pyenvs_own_interpreters_come_before_its_shims(self, tmp_path: Path) -> None:
        """Newest patch first; other versions that merely begin alike do not count."""
        for name in ("3.10.2", "3.10.13", "3.1", "3.100.1", "3.10.13t"):
            python_that_says(tmp_path / "versions" / name / "bin" / "python3.10", "CPython 3 10")
        python_that_says(tmp_path / "shims" / "python3.10", "no such version", 127)
        found = list(candidates("3.10", {"PYENV_ROOT": str(tmp_path), "PATH": str(tmp_path / "shims")}))
        assert [path.relative_to(tmp_path).as_posix() for path in found] == [
            "versions/3.10.13/bin/python3.10",
            "versions/3.10.2/bin/python3.10",
            "shims/python3.10",
        ]

    def test_one_that_fails_or_lies_is_passed_over(self, tmp_path: Path) -> None:
        """A shim that exits 127 and a PyPy are no CPython; the next one is."""
        python_that_says(tmp_path / "a" / "python3.10", "nothing", 127)
        python_that_says(tmp_path / "b" / "python3.10", "PyPy 3 10")
        right = python_that_says(tmp_path / "c" / "python3.10", "CPython 3 10")
        path = os.pathsep.join(str(tmp_path / name) for name in "abc")
        assert find_cpython("3.10", {"PATH": path, "HOME": str(tmp_path)}) == right

    def test_uv_is_asked_last_and_may_install(self, tmp_path: Path) -> None:
        """First what it has, then what it can fetch."""
        right = python_that_says(tmp_path / "uv" / "python3.10", "CPython 3 10")
        empty = {"PATH": "", "HOME": str(tmp_path)}
        assert find_cpython("3.10", empty, install_by_uv=lambda: right) == right
        with pytest.raises(NoPython, match=r"apt-get install python3\.10"):
            find_cpython("3.10", empty)


class TestPipsSettingsForUv:
    """A machine set up for pip works with uv."""

    CONFIGURED = (
        "global.index-url='https://index.example/simple'\n"
        "global.extra-index-url='file:///somewhere/simple https://more.example/simple'\n"
        "global.find-links='/wheels'\n"
        ":env:.find-links='/other /third'\n"
        "global.cert='/ca.pem'\n"
    )

    def test_index_certificate_and_links_are_handed_over(self) -> None:
        """The environment's value wins over the file's, local part-indexes are left out."""
        assert uv_environment(parse_pip_configuration(self.CONFIGURED), {}) == {
            "UV_DEFAULT_INDEX": "https://index.example/simple",
            "UV_INDEX": "https://more.example/simple",
            "UV_INDEX_STRATEGY": "unsafe-best-match",
            "UV_FIND_LINKS": "/other,/third",
            "SSL_CERT_FILE": "/ca.pem",
        }

    def test_what_the_operator_set_for_uv_stays(self) -> None:
        """Their word is newer than pip's file."""
        said = uv_environment(parse_pip_configuration(self.CONFIGURED), {"UV_DEFAULT_INDEX": "mine"})
        assert "UV_DEFAULT_INDEX" not in said


class TestSteps:
    """Each step once per content, side by side where it can be, with a clear end."""

    def step(self, folder: Path, name: str, command: str, *needs: str, wanted: str = "1") -> Step:
        def work(shell: Shell) -> None:
            shell.run("sh", "-c", command)

        stamp = folder / f"{name}.stamp"
        return Step(name, f"Make {name}", work, stamp, wanted, f"mend {name}.", tuple(needs))

    def run(self, folder: Path, *steps: Step) -> tuple[bool, str]:
        said: list[str] = []
        well = run_steps(steps, folder / "logs", folder, os.environ, said.append)
        return well, "\n".join(said)

    def test_a_second_run_does_nothing_until_the_content_changes(self, tmp_path: Path) -> None:
        """Silent, too: nothing to report."""
        one = self.step(tmp_path, "one", "echo x >> made")
        assert self.run(tmp_path, one)[0]
        assert self.run(tmp_path, one) == (True, "")
        assert self.run(tmp_path, self.step(tmp_path, "one", "echo x >> made", wanted="2"))[0]
        assert (tmp_path / "made").read_text() == "x\nx\n"

    def test_needs_come_first_whatever_the_order(self, tmp_path: Path) -> None:
        """The second reads what the first wrote."""
        second = self.step(tmp_path, "second", "cp made copied", "first")
        first = self.step(tmp_path, "first", "echo x > made")
        assert self.run(tmp_path, second, first)[0]
        assert (tmp_path / "copied").exists()

    def test_steps_that_do_not_need_each_other_run_side_by_side(self, tmp_path: Path) -> None:
        """Each waits for the other: one after the other they would never end."""
        meet = threading.Barrier(2, timeout=10)
        steps = [Step(name, name, lambda _shell: _ignore(meet.wait()), tmp_path / name, "1", "") for name in ("a", "b")]
        assert self.run(tmp_path, *steps)[0]

    def test_a_failure_says_what_failed_and_what_to_do(self, tmp_path: Path) -> None:
        """With the end of its output; what needs it is not begun, and the next run tries again."""
        bad = self.step(tmp_path, "bad", "echo 装不上 >&2; exit 3")
        after = self.step(tmp_path, "after", "touch never", "bad")
        well, said = self.run(tmp_path, bad, after)
        assert not well
        assert "Make bad FAILED" in said
        assert "装不上" in said
        assert "mend bad." in said
        assert "code 3" in said
        assert not (tmp_path / "never").exists()
        assert not bad.is_done


def _ignore(_value: object) -> None:
    return None


def test_a_digest_sees_names_contents_and_moves_but_no_build_products(tmp_path: Path) -> None:
    """Byte code and node_modules beside the sources change nothing."""
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "a.ts").write_text("1")
    before = stamps.digest([tmp_path / "web"])
    (tmp_path / "web" / "node_modules").mkdir()
    (tmp_path / "web" / "node_modules" / "x.js").write_text("1")
    assert stamps.digest([tmp_path / "web"]) == before
    (tmp_path / "web" / "a.ts").rename(tmp_path / "web" / "b.ts")
    assert stamps.digest([tmp_path / "web"]) != before


def test_the_set_up_needs_nothing_but_the_standard_library() -> None:
    """It runs before any package exists: -S hides the ones installed here."""
    code = "import gateway.launch.bootstrap, gateway.launch.steps, gateway.launch.environments"
    subprocess.run([sys.executable, "-S", "-c", code], check=True, cwd=bootstrap.ROOT)


def test_dot_env_is_read_before_there_is_a_package_for_it(tmp_path: Path) -> None:
    """Comments, quotes and `export` are understood."""
    path = tmp_path / ".env"
    path.write_text("# note\nFRONTLINE_PORT=9000\nexport FRONTLINE_DATA='数据'\nbroken\n", encoding="utf-8")
    assert bootstrap.dot_env(path) == {"FRONTLINE_PORT": "9000", "FRONTLINE_DATA": "数据"}


def test_an_unknown_target_is_refused_with_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, as any command line."""
    assert bootstrap.main(["nonsense"]) == 2
    assert "model" in capsys.readouterr().err
