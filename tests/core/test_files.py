"""Uploads are what their content says, and lose what they should not carry."""

import asyncio
import io
from datetime import datetime
from pathlib import Path

import pytest
from PIL import Image

from core.clock import UTC, FakeClock
from core.db import Database
from core.errors import Invalid, TooLarge, Unavailable
from core.files import Files, inspect


def _picture(form: str = "PNG", **more: object) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(out, form, **more)
    return out.getvalue()


@pytest.fixture
def files(db: Database, tmp_path: Path) -> Files:
    return Files(db, tmp_path / "files", FakeClock(datetime(2026, 11, 21, tzinfo=UTC)), keep_free_mb=0)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF"])
async def test_each_kind_of_picture_is_kept(files: Files, db: Database, form: str) -> None:
    stored = await files.store(_picture(form), name="截图.png", owner="cus_1")
    assert (stored.kind, stored.name) == ("image", "截图.png")
    async with db.read() as tx:
        assert await files.find(tx, stored.id) == stored
    with Image.open(files.path(stored)) as picture:
        assert picture.size == (40, 30)


def test_a_place_in_the_metadata_is_removed() -> None:
    exif = Image.Exif()
    exif[0x010F] = "CameraMaker"
    exif.get_ifd(0x8825)[2] = (31.0, 14.0, 0.0)
    _, _, clean = inspect(_picture("JPEG", exif=exif.tobytes()))
    with Image.open(io.BytesIO(clean)) as picture:
        assert dict(picture.getexif()) == {}
    assert b"CameraMaker" not in clean


@pytest.mark.parametrize(
    "content",
    [
        b"MZ\x90\x00 this program",
        b"<svg xmlns='x'/>",
        b"#!/bin/sh\n",
        b"\x89PNG\r\n\x1a\nbroken",
        b"%PDF-1.7",
        b"PK\x03\x04",
    ],
)
def test_a_renamed_program_is_refused(content: bytes) -> None:
    with pytest.raises(Invalid):
        inspect(content)


def test_an_empty_file_is_refused() -> None:
    with pytest.raises(Invalid):
        inspect(b"")


def test_a_picture_of_too_many_pixels_is_refused() -> None:
    out = io.BytesIO()
    Image.new("1", (10_000, 8_000)).save(out, "PNG")
    with pytest.raises(TooLarge):
        inspect(out.getvalue())


async def test_a_full_disk_refuses_the_upload_and_leaves_nothing(db: Database, tmp_path: Path) -> None:
    full = Files(db, tmp_path / "files", FakeClock(datetime(2026, 11, 21, tzinfo=UTC)), keep_free_mb=10**9)
    with pytest.raises(Unavailable):
        await full.store(_picture(), name="a.png", owner="cus_1")
    assert [path for path in (tmp_path / "files").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("name", ["../../etc/passwd", "..\\..\\boot.ini", "a\x00b.png", "<script>.png", ""])
async def test_names_cannot_lead_anywhere(files: Files, name: str) -> None:
    stored = await files.store(_picture(), name=name, owner="cus_1")
    assert stored.name
    assert not set(stored.name) & set("/\\<>\x00")


async def test_the_same_picture_may_come_twice_at_once(files: Files) -> None:
    data = _picture()
    stored = await asyncio.gather(*(files.store(data, name=f"{number}.png", owner="cus_1") for number in range(12)))
    assert len({each.id for each in stored}) == 12
    assert len({files.path(each) for each in stored}) == 1
