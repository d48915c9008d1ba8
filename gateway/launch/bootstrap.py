"""What `make run` and `make test` need before anything can be imported: `python3.11 -m gateway.launch.bootstrap`.

    bootstrap env|dev|web|model|train …   make these (and what they need)
    bootstrap run                         make everything, then become `frontline run`

A second call with nothing changed costs a few file hashes.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from gateway.launch import stamps
from gateway.launch.environments import GATEWAY_PYTHON, Environments
from gateway.launch.steps import Shell, Step, end_on_sigterm, run_steps
from nlu.fingerprint import model_path

ROOT = Path(__file__).resolve().parents[2]
TARGETS = {
    "env": ("tools", "gateway", "assistant"),
    "dev": ("tools", "gateway", "dev"),
    "web": ("tools", "web"),
    "model": ("tools", "gateway", "model"),
    "train": ("tools", "assistant", "train"),
    "run": ("tools", "assistant", "gateway", "web", "model", "train"),
}
# Both environments, the web apps' packages and what the installers unpack on the way.
_DISK_NEEDED_GB = 8
_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> int:
    """Make the named targets; returns the exit code. `run` replaces this process when all went well."""
    unknown = [name for name in arguments if name not in TARGETS]
    if unknown or not arguments:
        print(f"usage: bootstrap {' | '.join(TARGETS)}", file=sys.stderr)
        return 2
    if sys.version_info[:2] != tuple(map(int, GATEWAY_PYTHON.split("."))):
        print(f"The set-up needs CPython {GATEWAY_PYTHON}, this is {sys.version.split()[0]}.", file=sys.stderr)
        return 2
    end_on_sigterm()
    settings = dot_env(ROOT / ".env") | dict(os.environ)
    data = (ROOT / settings.get("FRONTLINE_DATA", ".data")).absolute()
    data.mkdir(mode=0o700, parents=True, exist_ok=True)  # Conversations and keys will lie in it.
    names = {step for name in arguments for step in TARGETS[name]}
    try:
        with one_at_a_time():
            steps = [step for step in all_steps(data, settings) if step.name in names]
            temporary = data / "cache" / "tmp"
            temporary.mkdir(parents=True, exist_ok=True)
            own = {"FRONTLINE_DATA": str(data), "TMPDIR": str(temporary), "NO_COLOR": "1"}
            if not (has_room(steps) and run_steps(steps, data / "logs", ROOT, settings | own)):
                return 1
    except KeyboardInterrupt:
        print("\nStopped. What was finished is kept.", file=sys.stderr)
        return 130
    if "run" in arguments:
        become_frontline_run(settings)
    return 0


def has_room(steps: list[Step]) -> bool:
    """Whether the disk can take the environments that are still to be made; says so when it cannot."""
    free_gb = shutil.disk_usage(ROOT).free / 1e9
    if free_gb >= _DISK_NEEDED_GB or all(step.is_done for step in steps):
        return True
    print(f"The set-up needs {_DISK_NEEDED_GB} GB of disk, {free_gb:.1f} GB are free.", file=sys.stderr)
    return False


def all_steps(data: Path, settings: Mapping[str, str]) -> list[Step]:
    """Every step, the longest way first: the assistant's environment, then its training."""
    environments = Environments(ROOT, data, settings)
    python = environments.gateway / "bin" / "python"
    rasa_python = environments.assistant / "bin" / "python"
    assistant_model = model_path(data / "assistant" / "models")
    models = data / "models"
    steps = [
        environments.tools(),
        environments.rasa(),
        environments.packages("gateway"),
        environments.packages("dev"),
        _web(environments, data),
        Step(
            name="train",
            title="Train the assistant",
            work=lambda shell: shell.run(rasa_python, "-m", "nlu.train", "--out", assistant_model.parent),
            stamp=data / "assistant" / ".stamp-train",
            wanted=stamps.digest([ROOT / "requirements" / "assistant.lock"], assistant_model.name),
            when_it_fails="see what Rasa says about the training data in nlu/, config.yml and domain.yml.",
            needs=("assistant",),
            made=assistant_model.exists,
        ),
    ]
    if not settings.get("FRONTLINE_KB_MODEL"):
        steps.append(
            Step(
                name="model",
                title="Prepare the embedding model",
                work=lambda shell: shell.run(python, "-m", "knowledge_base.encoder.build", "--into", models),
                stamp=models / ".stamp",
                wanted=stamps.digest([ROOT / "knowledge_base" / "encoder", ROOT / "requirements" / "gateway.lock"]),
                when_it_fails="or name another model in FRONTLINE_KB_MODEL; search is lexical without one.",
                needs=("gateway",),
                made=lambda: any(models.glob("*/frontline.json")),
            )
        )
    return steps


def _web(environments: Environments, data: Path) -> Step:
    web = ROOT / "web"
    node = {
        "PATH": f"{environments.gateway / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}",
        "npm_config_cache": str(data / "cache" / "npm"),
        "npm_config_update_notifier": "false",
    }
    packages = stamps.digest([web / "package-lock.json"])
    packages_stamp = web / "node_modules" / ".stamp"

    def build(shell: Shell) -> None:
        npm = environments.gateway / "bin" / "npm"
        if not stamps.matches(packages_stamp, packages):
            shell.run(npm, "ci", "--no-audit", "--no-fund", also=node, folder=web)
            stamps.write(packages_stamp, packages)
        shell.run(npm, "run", "build", also=node, folder=web)

    return Step(
        name="web",
        title="Build the web apps",
        work=build,
        stamp=web / "dist" / ".stamp",
        wanted=stamps.digest([web]),
        when_it_fails="see that the npm registry can be reached; a type or size error names its file.",
        needs=("tools",),
    )


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Two starts from one checkout take turns; the lock ends with the process."""
    with (ROOT / "requirements" / "tools.in").open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Another set-up is running in this checkout; waiting for it …", flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def dot_env(path: Path) -> dict[str, str]:
    """The plain `NAME=value` lines of `.env`. The gateway reads the same file with python-dotenv."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    pairs = (line.strip().removeprefix("export ").partition("=") for line in lines)
    return {
        name.strip(): value.strip().strip("'\"")
        for name, separator, value in pairs
        if separator and not name.lstrip().startswith("#")
    }


def become_frontline_run(settings: Mapping[str, str]) -> None:
    """Replace this process, so that there is one parent and a signal reaches it directly."""
    environment = dict(os.environ)
    if "FRONTLINE_DEMO" not in settings:
        environment["FRONTLINE_DEMO"] = "1"
    if Path(f"/proc/{os.getppid()}/comm").read_text(encoding="ascii").strip() == "make":
        # make only waits for us. Killed outright it cannot pass that on, so the kernel does, as SIGTERM.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    python = str(ROOT / ".venv" / "bin" / "python")
    os.chdir(ROOT)
    sys.stdout.flush()
    os.execve(python, [python, "-m", "gateway.cli", "run"], environment)  # noqa: S606 - becoming the parent is the point


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
