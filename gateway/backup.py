"""Backup and restore: database, files and trackers in one folder, the keys apart.

A backup is a folder: `manifest.json` (version, schema, SHA-256 of each part), `database.sqlite` or `database.sql`,
`files/`, `assistant/`, and beside it `<name>.keys.json`, to be kept elsewhere. It is made while everything runs:
SQLite by its online backup, PostgreSQL by `pg_dump`, files as they are (a file is never changed, only added).
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.engine import make_url

from core.clock import SystemClock, rfc3339
from core.db import Database
from core.schema import migrate, newest
from core.settings import Settings
from core.tables import erasures
from gateway.erasure import erase_customer
from gateway.version import VERSION

_FORMAT = 1
_BLOCK = 1024 * 1024


class RestoreRefused(RuntimeError):
    """The backup cannot be brought back here; the text says why and what to do."""


async def write_backup(settings: Settings, target: Path) -> str:
    """Write a backup into `target`; return a sentence of what it holds. Raises FileExistsError on a used folder."""
    target.mkdir(parents=True, exist_ok=True)
    if any(target.iterdir()):
        raise FileExistsError(f"{target} is not empty")
    partial = target / ".partial"
    partial.mkdir()
    database = await asyncio.to_thread(_dump_database, settings, partial)
    await asyncio.to_thread(_copy_tree, settings.data / "files", partial / "files")
    await asyncio.to_thread(_copy_trackers, settings.data / "assistant", partial / "assistant")
    parts = await asyncio.to_thread(_hashes, partial)
    manifest = {
        "format": _FORMAT,
        "version": VERSION,
        "schema": newest(),
        "database": database,
        "at": rfc3339(SystemClock(settings.clock_offset_s).now()),
        "parts": parts,
    }
    (partial / "manifest.json").write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    for each in list(partial.iterdir()):
        # The manifest comes last: a folder without it is no backup.
        if each.name != "manifest.json":
            each.rename(target / each.name)
    (partial / "manifest.json").rename(target / "manifest.json")
    partial.rmdir()
    keys = target.parent / f"{target.name}.keys.json"
    _copy_keys(settings.secrets_path, keys)
    return f"{len(parts)} parts in {target}; keys in {keys} (keep them somewhere else)"


def _copy_keys(source: Path, target: Path) -> None:
    if source.exists():
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(source.read_bytes())


def _dump_database(settings: Settings, folder: Path) -> str:
    if settings.sqlite:
        path = make_url(settings.database).database
        assert path is not None
        _copy_sqlite(Path(path), folder / "database.sqlite")
        return "sqlite"
    _run_tool("pg_dump", settings, "--no-owner", "--file", str(folder / "database.sql"))
    return "postgresql"


def _copy_sqlite(source: Path, target: Path) -> None:
    with sqlite3.connect(f"file:{source}?mode=ro", uri=True) as live, sqlite3.connect(target) as copy:
        live.backup(copy)
    live.close()
    copy.close()


def _run_tool(name: str, settings: Settings, *arguments: str) -> None:
    # By libpq's variables, since an argument would show the password to `ps`.
    environment = dict(os.environ)
    parsed = make_url(settings.database)
    for variable, value in (
        ("PGHOST", parsed.host or parsed.query.get("host")),
        ("PGPORT", parsed.port),
        ("PGUSER", parsed.username),
        ("PGPASSWORD", parsed.password),
        ("PGDATABASE", parsed.database),
    ):
        if value:
            environment[variable] = str(value)
    subprocess.run([name, *arguments], env=environment, check=True)


def _copy_tree(source: Path, target: Path) -> None:
    target.mkdir()
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".*"))


def _copy_trackers(source: Path, target: Path) -> None:
    target.mkdir()
    for each in sorted(source.glob("tracker-*.db")) if source.is_dir() else []:
        _copy_sqlite(each, target / each.name)


def _hashes(folder: Path) -> dict[str, str]:
    found = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
        found[str(path.relative_to(folder))] = digest.hexdigest()
    return found


async def restore_backup(settings: Settings, source: Path, keys: Path | None) -> str:
    """Bring a backup into an empty data folder (and an empty database), then erase again who was erased since.

    Customers whose erasure was asked for after the backup are in the present erasure list, when there is one: the
    list is read before anything is overwritten. Raises RestoreRefused when a part is damaged or something is there.
    """
    manifest = _checked_manifest(source)
    later = await _present_erasures(settings)
    _refuse_when_used(settings)
    settings.data.mkdir(parents=True, exist_ok=True)
    if settings.sqlite:
        if manifest["database"] != "sqlite":
            raise RestoreRefused("This is a backup of PostgreSQL; set FRONTLINE_DATABASE_URL to an empty database.")
        path = make_url(settings.database).database
        assert path is not None
        await asyncio.to_thread(shutil.copyfile, source / "database.sqlite", path)
    else:
        if manifest["database"] != "postgresql":
            raise RestoreRefused("This is a backup of SQLite; unset FRONTLINE_DATABASE_URL.")
        await asyncio.to_thread(
            _run_tool, "psql", settings, "--quiet", "--set=ON_ERROR_STOP=1", "--file", str(source / "database.sql")
        )
    for name in ("files", "assistant"):
        await asyncio.to_thread(shutil.copytree, source / name, settings.data / name, dirs_exist_ok=True)
    keys = keys or source.parent / f"{source.name}.keys.json"
    if keys.exists() and not settings.secrets_path.exists():
        _copy_keys(keys, settings.secrets_path)
    await migrate(settings.database)
    erased = await _replay(settings, later)
    return f"restored the backup of {manifest['at']}; erased again: {erased}"


def _checked_manifest(source: Path) -> dict[str, str]:
    try:
        manifest = json.loads((source / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise RestoreRefused(f"{source} is not a backup: manifest.json cannot be read.") from exc
    if manifest.get("format") != _FORMAT:
        raise RestoreRefused("This backup was made by another release; use that one to restore it.")
    present = _hashes(source)
    for name, digest in manifest["parts"].items():
        if present.get(name) != digest:
            raise RestoreRefused(f"{name} is missing or damaged; use another backup.")
    return manifest  # type: ignore[no-any-return]


def _database_path(settings: Settings) -> Path:
    path = make_url(settings.database).database
    assert path is not None
    return Path(path)


def _refuse_when_used(settings: Settings) -> None:
    if settings.sqlite and _database_path(settings).exists():
        raise RestoreRefused(
            f"{_database_path(settings)} exists. Stop everything, move the data folder away, and restore again; "
            "the erasure list of the moved database is honoured when you name it by FRONTLINE_ERASURES_FROM."
        )


async def _present_erasures(settings: Settings) -> list[str]:
    """Customers on the erasure list of the database named by FRONTLINE_ERASURES_FROM (a SQLite file), if any."""
    path = os.environ.get("FRONTLINE_ERASURES_FROM", "")
    if not path:
        return []
    db = Database(f"sqlite+aiosqlite:///{path}")
    try:
        async with db.read() as tx:
            return [row.customer_id for row in await tx.all(select(erasures.c.customer_id))]
    finally:
        await db.close()


async def _replay(settings: Settings, later: list[str]) -> int:
    db = Database(settings.database)
    clock = SystemClock(settings.clock_offset_s)
    try:
        async with db.read() as tx:
            listed = [row.customer_id for row in await tx.all(select(erasures.c.customer_id))]
        done = 0
        for customer_id in dict.fromkeys([*listed, *later]):
            async with db.begin() as tx:
                done += await erase_customer(tx, customer_id, by="restore", now=clock.now(), data=settings.data)
        return done
    finally:
        await db.close()
