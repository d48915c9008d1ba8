"""Backup and restore: what was there is there again, a damaged part is refused, the erased stay erased."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import func, select

from bot.tables import customers, messages
from core.db import Database
from core.tables import files
from gateway.backup import RestoreRefused, restore_backup, write_backup
from gateway.demo.history import make_history
from gateway.erasure import erase_customer
from tests.gateway.offline import demo_settings, parts_of
from tickets.tables import tickets


async def _filled(data: Path) -> tuple[str, str]:
    """A folder with a little history and a picture; (a customer's id, the picture's id)."""
    async with parts_of(data) as parts:
        await make_history(parts, 20)
        async with parts.db.read() as tx:
            customer_id = str(await tx.scalar(select(tickets.c.customer_id).limit(1)))
        out = io.BytesIO()
        Image.new("RGB", (9, 9), "teal").save(out, "PNG")
        stored = await parts.files.store(out.getvalue(), name="截图.png", owner=customer_id)
        return customer_id, stored.id


async def _counts(data: Path) -> dict[str, int]:
    db = Database(demo_settings(data).database)
    async with db.read() as tx:
        found = {
            table.name: int(await tx.scalar(select(func.count()).select_from(table)))
            for table in (customers, messages, tickets)
        }
    await db.close()
    return found


async def test_a_backup_comes_back_whole_with_its_keys_apart(tmp_path: Path) -> None:
    _, file_id = await _filled(tmp_path / "old")
    await write_backup(demo_settings(tmp_path / "old"), tmp_path / "backup")
    keys = tmp_path / "backup.keys.json"
    assert keys.stat().st_mode & 0o777 == 0o600
    assert not list((tmp_path / "backup").rglob("secret*"))
    said = await restore_backup(demo_settings(tmp_path / "new"), tmp_path / "backup", None)
    assert said.startswith("restored")
    assert await _counts(tmp_path / "new") == await _counts(tmp_path / "old")
    assert (tmp_path / "new" / "secret.json").read_bytes() == (tmp_path / "old" / "secret.json").read_bytes()
    async with parts_of(tmp_path / "new") as parts:
        async with parts.db.read() as tx:
            stored = await parts.files.find(tx, file_id)
        assert parts.files.path(stored).read_bytes().startswith(b"\x89PNG")
        assert await parts.audit.first_bad(parts.db) is None


async def test_a_damaged_backup_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    await _filled(tmp_path / "old")
    await write_backup(demo_settings(tmp_path / "old"), tmp_path / "backup")
    database = tmp_path / "backup" / "database.sqlite"
    database.write_bytes(database.read_bytes()[:-100] + b"\x00" * 100)
    with pytest.raises(RestoreRefused, match="damaged"):
        await restore_backup(demo_settings(tmp_path / "new"), tmp_path / "backup", None)
    assert not (tmp_path / "new" / "frontline.db").exists()


async def test_a_folder_in_use_is_not_overwritten(tmp_path: Path) -> None:
    await _filled(tmp_path / "old")
    await write_backup(demo_settings(tmp_path / "old"), tmp_path / "backup")
    with pytest.raises(RestoreRefused, match="exists"):
        await restore_backup(demo_settings(tmp_path / "old"), tmp_path / "backup", None)
    with pytest.raises(FileExistsError):
        await write_backup(demo_settings(tmp_path / "old"), tmp_path / "backup")


async def test_who_was_erased_after_the_backup_is_erased_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = tmp_path / "old"
    customer_id, _ = await _filled(old)
    await write_backup(demo_settings(old), tmp_path / "backup")
    async with parts_of(old) as parts, parts.db.begin() as tx:
        assert await erase_customer(tx, customer_id, by="admin", now=parts.clock.now(), data=old) == 1
    monkeypatch.setenv("FRONTLINE_ERASURES_FROM", str(old / "frontline.db"))
    said = await restore_backup(demo_settings(tmp_path / "new"), tmp_path / "backup", None)
    assert said.endswith("erased again: 1")
    async with parts_of(tmp_path / "new") as parts, parts.db.read() as tx:
        row = await tx.first(select(customers).where(customers.c.id == customer_id))
        assert row is not None
        assert (row.name, row.phone, row.profile) == (None, None, {})
        titles = [
            each.title for each in await tx.all(select(tickets.c.title).where(tickets.c.customer_id == customer_id))
        ]
        kept = await tx.all(select(files.c.owner, files.c.sha256))
    assert titles
    assert set(titles) == {"〔已按要求删除〕"}
    # What is left on the disk is what others sent.
    assert customer_id not in {each.owner for each in kept}
    assert {each.name for each in (tmp_path / "new" / "files").rglob("?" * 64)} == {each.sha256 for each in kept}
