"""Finding the assistant's interpreter: Rasa's last open-source line runs on CPython 3.10 and nothing newer.

A candidate counts when it runs and says so. pyenv's real interpreters come before PATH, because a shim on
PATH may exist and still refuse to run (exit code 127).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

_ASK = "import platform, sys; print(platform.python_implementation(), *sys.version_info[:2])"


class NoPython(RuntimeError):
    """No interpreter of that version could be found or installed; the text says what to do."""


def find_cpython(
    version: str,
    environment: Mapping[str, str],
    *,
    installed_by_uv: Callable[[], Path | None] = lambda: None,
    install_by_uv: Callable[[], Path | None] = lambda: None,
) -> Path:
    """An interpreter that runs and says `version` (such as `3.10`), installed by uv when there is none."""
    for candidate in candidates(version, environment):
        if is_cpython(candidate, version):
            return candidate
    for ask_uv in (installed_by_uv, install_by_uv):
        found = ask_uv()
        if found and is_cpython(found, version):
            return found
    raise NoPython(
        f"CPython {version} was not found. Install it (for example `apt-get install python{version}`, "
        f"`pyenv install {version}` or `uv python install {version}`) and start again."
    )


def candidates(version: str, environment: Mapping[str, str]) -> Iterator[Path]:
    """Where such an interpreter may be, best first; none of them has been tried yet."""
    home = environment.get("HOME", "/")
    root = Path(environment.get("PYENV_ROOT") or Path(home, ".pyenv"))
    versions = (path for path in root.glob(f"versions/{version}*") if _patch_level(path, version) is not None)
    for folder in sorted(versions, key=lambda path: _patch_level(path, version) or 0, reverse=True):
        yield folder / "bin" / f"python{version}"
    for folder_name in environment.get("PATH", "").split(os.pathsep):
        found = shutil.which(f"python{version}", path=folder_name) if folder_name else None
        if found:
            yield Path(found)


def is_cpython(path: Path, version: str) -> bool:
    """Whether it runs and says that it is CPython of this version."""
    try:
        said = subprocess.run([path, "-I", "-c", _ASK], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return said.returncode == 0 and said.stdout.split() == ["CPython", *version.split(".")]


def _patch_level(path: Path, version: str) -> int | None:
    found = re.fullmatch(re.escape(version) + r"(?:\.(\d+))?", path.name)
    return int(found[1] or 0) if found else None
