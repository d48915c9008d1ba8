"""The steps that make the two Python environments and the tools the set-up itself needs."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from gateway.launch import stamps
from gateway.launch.pythons import NoPython, find_cpython, is_cpython
from gateway.launch.registry import parse_pip_configuration, uv_environment
from gateway.launch.steps import Shell, Step, StepFailed

# The public index of CPU builds, asked only when the configured ones have none: the builds that the usual
# index serves carry gigabytes of CUDA libraries.
CPU_BUILDS = "https://download.pytorch.org/whl/cpu"
GATEWAY_PYTHON = "3.11"
ASSISTANT_PYTHON = "3.10"
_NETWORK_HELP = (
    "see that the package index can be reached (pip's own settings are used: index-url, extra-index-url, "
    "find-links, cert), then start again; what is installed already is kept."
)


class Environments:
    """Where both environments are, and the steps that fill them."""

    def __init__(self, root: Path, data: Path, environment: Mapping[str, str]) -> None:
        self.root = root
        self.gateway = root / ".venv"
        self.assistant = root / ".venv-rasa"
        self._data = data
        self._environment = environment
        self._locks = root / "requirements"

    def tools(self) -> Step:
        """The gateway's environment itself, with uv and Node in it."""
        return Step(
            name="tools",
            title="Make .venv with uv and Node",
            work=self._make_tools,
            stamp=self.gateway / ".stamp-tools",
            wanted=stamps.digest([self._locks / "tools.lock"], sys.version),
            when_it_fails=f"{_NETWORK_HELP} On Debian the package python3.11-venv must be installed.",
            made=lambda: is_cpython(self.gateway / "bin" / "python", GATEWAY_PYTHON),
        )

    def packages(self, name: str) -> Step:
        """The packages of `gateway.lock` or, on top of them, of `dev.lock`."""
        titles = {"gateway": "Install torch and the gateway's packages", "dev": "Install the tools of tests"}
        sources = [self._locks / "torch.in", self._locks / f"{name}.lock", Path(__file__)]
        return Step(
            name=name,
            title=titles[name],
            work=lambda shell: self._install(shell, name),
            stamp=self.gateway / f".stamp-{name}",
            wanted=stamps.digest(sources, str(self.root)),
            when_it_fails=_NETWORK_HELP,
            needs=("tools",) if name == "gateway" else ("tools", "gateway"),
        )

    def rasa(self) -> Step:
        """The assistant's environment."""
        return Step(
            name="assistant",
            title=f"Make .venv-rasa on CPython {ASSISTANT_PYTHON} and install Rasa",
            work=self._make_assistant,
            stamp=self.assistant / ".stamp",
            wanted=stamps.digest([self._locks / "assistant.lock"], str(self.root)),
            when_it_fails=_NETWORK_HELP,
            needs=("tools",),
            made=lambda: is_cpython(self.assistant / "bin" / "python", ASSISTANT_PYTHON),
        )

    def _make_tools(self, shell: Shell) -> None:
        if not is_cpython(self.gateway / "bin" / "python", GATEWAY_PYTHON):
            shell.run(sys.executable, "-m", "venv", "--clear", self.gateway)
        shell.run(*self._pip_install(), "--require-hashes", "-r", self._locks / "tools.lock")

    def _pip_install(self) -> tuple[str | Path, ...]:
        options = ("--no-cache-dir", "--no-input", "install", "--no-deps")
        return (self.gateway / "bin" / "python", "-m", "pip", *options)

    def _install(self, shell: Shell, name: str) -> None:
        if name == "gateway":
            self._install_torch(shell)
            self._write_command()
        self._install_lock(shell, self.gateway, name)

    def _install_lock(self, shell: Shell, target: Path, name: str) -> None:
        # Without dependencies: the lock is whole, and torch, which it must not name, is there already.
        # Compiled once here: without its byte code Rasa needs half a minute longer at every start.
        shell.run(
            *(self.gateway / "bin" / "uv", "pip", "install", "--python", target / "bin" / "python"),
            *("--no-deps", "--require-hashes", "--compile-bytecode", "-r", self._locks / f"{name}.lock"),
            also=self._uv(shell),
        )

    def _uv(self, shell: Shell) -> dict[str, str]:
        python = self.gateway / "bin" / "python"
        pip = parse_pip_configuration(shell.ask(python, "-m", "pip", "config", "list"))
        own = {
            "UV_CACHE_DIR": str(self._data / "cache" / "uv"),
            "UV_PYTHON_INSTALL_DIR": str(self._data / "python"),
            "UV_NO_CONFIG": "1",
        }
        return own | uv_environment(pip, self._environment)

    def _install_torch(self, shell: Shell) -> None:
        lines = (self._locks / "torch.in").read_text(encoding="utf-8").splitlines()
        wanted = next(line for line in lines if line.startswith("torch=="))
        version = wanted.removeprefix("torch==")
        python = self.gateway / "bin" / "python"
        installed = shell.ask(python, "-c", "from importlib.metadata import version; print(version('torch'))")
        if installed.split("+")[0] == version:
            return
        install = (*self._pip_install(), f"{wanted}+cpu")
        if shell.attempt(*install) and shell.attempt(*install, "--index-url", CPU_BUILDS):
            raise StepFailed(
                f"no CPU build of {wanted} for this machine was found; give pip an index or find-links that has one"
            )

    def _write_command(self) -> None:
        """`.venv/bin/frontline`, the command line of this checkout from any folder."""
        path = self.gateway / "bin" / "frontline"
        path.write_text(
            f"#!{self.gateway / 'bin' / 'python'}\n"
            "import sys\n\n"
            f"sys.path.insert(0, {str(self.root)!r})\n\n"
            "from gateway.cli import app\n\n"
            "app()\n",
            encoding="utf-8",
        )
        path.chmod(0o755)

    def _make_assistant(self, shell: Shell) -> None:
        uv = self.gateway / "bin" / "uv"
        also = self._uv(shell)

        def installed() -> Path | None:
            said = shell.ask(uv, "python", "find", "--no-python-downloads", ASSISTANT_PYTHON, also=also)
            return Path(said) if said else None

        def install() -> Path | None:
            shell.attempt(uv, "python", "install", ASSISTANT_PYTHON, also=also)
            return installed()

        if not is_cpython(self.assistant / "bin" / "python", ASSISTANT_PYTHON):
            try:
                base = find_cpython(
                    ASSISTANT_PYTHON, self._environment, installed_by_uv=installed, install_by_uv=install
                )
            except NoPython as problem:
                raise StepFailed(str(problem)) from problem
            shell.run(uv, "venv", "--clear", "--python", base, self.assistant, also=also)
        self._install_lock(shell, self.assistant, "assistant")
