"""Compile `requirements/*.in` into locks with hashes: `make lock`.

torch is visible while compiling, so that everything around it fits, and then left out of the result. With it
go the CUDA packages that its usual build asks for; the CPU build, found by pip's find-links or index, asks
for none.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from gateway.launch.environments import ASSISTANT_PYTHON, GATEWAY_PYTHON
from gateway.launch.registry import parse_pip_configuration, uv_environment

ROOT = Path(__file__).resolve().parents[2]
# In this order: a later lock is held to the versions of an earlier one, with which it shares an environment.
LOCKS = {"tools": GATEWAY_PYTHON, "gateway": GATEWAY_PYTHON, "dev": GATEWAY_PYTHON, "assistant": ASSISTANT_PYTHON}
_OPTIONS = (
    "--generate-hashes",
    "--no-header",
    "--no-emit-index-url",
    "--no-emit-find-links",
    "--no-config",
    "--no-emit-package=torch",
    "--python-platform=x86_64-manylinux_2_28",
    "--quiet",
)


def main(arguments: list[str]) -> int:
    """Compile all locks, or those that are named. `--upgrade` takes the newest versions."""
    names = [name for name in arguments if name in LOCKS] or list(LOCKS)
    upgrade = [word for word in arguments if word == "--upgrade"]
    said = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout
    environment = os.environ | uv_environment(parse_pip_configuration(said), os.environ)
    for name in names:
        lock = f"requirements/{name}.lock"
        print(f"compiling {lock} for CPython {LOCKS[name]}", flush=True)
        command = [str(Path(sys.prefix, "bin", "uv")), "pip", "compile", *_OPTIONS, *upgrade]
        command += ["--python-version", LOCKS[name], f"requirements/{name}.in", "-o", lock]
        if code := subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
