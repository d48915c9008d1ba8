"""The locks: whole, hashed, the same on every machine, and without a single CUDA package."""

import re
from importlib.metadata import version
from pathlib import Path

import pytest

REQUIREMENTS = Path(__file__).resolve().parents[2] / "requirements"
LOCKS = sorted(REQUIREMENTS.glob("*.lock"))
PINNED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^ ;\\]+)", re.MULTILINE)


def pins(lock: Path) -> dict[str, str]:
    """Package name, normalised, to version."""
    return {re.sub(r"[-_.]+", "-", name).lower(): found for name, found in PINNED.findall(lock.read_text())}


def test_every_loose_list_has_its_lock() -> None:
    """torch alone is pinned without one: its right build depends on the machine."""
    assert {path.stem for path in LOCKS} == {path.stem for path in REQUIREMENTS.glob("*.in")} - {"torch"}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.stem)
def test_a_lock_names_no_torch_and_nothing_of_cuda(lock: Path) -> None:
    """The usual index's torch would bring gigabytes of them."""
    assert not [name for name in pins(lock) if re.match(r"(torch|nvidia|cuda|triton)", name)]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.stem)
def test_every_package_is_pinned_and_hashed(lock: Path) -> None:
    """Installed with --require-hashes: a changed file is refused."""
    entries = re.split(r"\n(?=\S)", re.sub(r"(?m)^ *#.*\n?", "", lock.read_text()).strip())
    assert entries
    for entry in entries:
        assert PINNED.match(entry), entry.splitlines()[0]
        assert "--hash=sha256:" in entry, entry.splitlines()[0]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.stem)
def test_a_lock_names_no_host_and_no_folder(lock: Path) -> None:
    """Who installs uses their own index."""
    assert not re.findall(r"https?:|file:|(?m:^-)|(?<![\w-])/\w+", lock.read_text())


def test_locks_that_share_an_environment_agree() -> None:
    """tools, gateway and dev go into one environment."""
    tools, gateway, dev = (pins(REQUIREMENTS / f"{name}.lock") for name in ("tools", "gateway", "dev"))
    for one, other in ((tools, gateway), (gateway, dev), (tools, dev)):
        assert {name: one[name] for name in one.keys() & other} == {name: other[name] for name in one.keys() & other}


def test_the_environment_that_runs_this_is_the_locked_one() -> None:
    """What is tested is what was locked, torch included."""
    wanted = pins(REQUIREMENTS / "gateway.lock") | pins(REQUIREMENTS / "dev.lock")
    assert {name: version(name) for name in wanted} == wanted
    torch = re.search(r"^torch==(\S+)", (REQUIREMENTS / "torch.in").read_text(), re.MULTILINE)
    assert torch is not None
    assert version("torch").split("+")[0] == torch[1]
