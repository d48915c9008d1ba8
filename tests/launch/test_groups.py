"""The suite's groups hold: tests that share one system run in one process, whatever versions the locks bring."""

import subprocess
import sys
from pathlib import Path

TESTS = """
import os
import pytest

@pytest.mark.xdist_group("one system")
@pytest.mark.parametrize("number", range(8))
def test_where(number, worker_id):
    with open(os.environ["WORKERS"], "a") as file:
        file.write(worker_id + "\\n")
"""


def test_a_group_runs_in_one_process(tmp_path: Path) -> None:
    (tmp_path / "test_grouped.py").write_text(TESTS, encoding="utf-8")
    seen = tmp_path / "workers"
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadgroup", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, "--rootdir", str(tmp_path), "-c", "/dev/null", str(tmp_path)],
        env={"PATH": "/usr/bin:/bin", "WORKERS": str(seen)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert len(seen.read_text().split()) == 8
    assert len(set(seen.read_text().split())) == 1
