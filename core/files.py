"""The file store: one folder by content hash, metadata in SQL; what a file is, is told by its content."""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import shutil
import threading
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from PIL import Image, ImageOps
from sqlalchemy import insert, select

from core.clock import Clock
from core.db import Database, Tx
from core.errors import Invalid, NotFound, TooLarge, Unavailable
from core.ids import FileId, new_id
from core.tables import files

MB = 1024 * 1024
IMAGE_LIMIT = 10 * MB
VIDEO_LIMIT = 50 * MB
VOICE_LIMIT = 5 * MB
# A picture is decoded to be re-encoded; above this many pixels that is an attack, not a screenshot.
_MAX_PIXELS = 50_000_000
_FORMATS = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "GIF": "image/gif"}


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file's metadata. `kind` is image, video or voice."""

    id: FileId
    owner: str
    kind: str
    name: str
    content_type: str
    bytes: int
    sha256: str
    public: bool
    created_at: datetime


class Files:
    """Store and read. Files of one content share one place on disk; metadata rows are per upload."""

    def __init__(self, db: Database, folder: Path, clock: Clock, keep_free_mb: int) -> None:
        self._db = db
        self._folder = folder
        self._clock = clock
        self._keep_free = keep_free_mb * MB

    async def store(
        self, data: bytes, *, name: str, owner: str, public: bool = False, voice: bool = False
    ) -> StoredFile:
        """Keep an upload. Pictures are re-encoded without metadata (place, camera). With `voice` recordings are taken
        too, as platforms hand them over.

        Raises Invalid when the content is none of the allowed kinds, TooLarge, Unavailable when the disk is full.
        """
        recording = sound_of(data) if voice else None
        if recording is not None:
            if len(data) > VOICE_LIMIT:
                raise TooLarge("voice", text_id="error.file_too_large")
            kind, content_type = "voice", recording
        else:
            kind, content_type, data = await asyncio.to_thread(inspect, data)
        digest = hashlib.sha256(data).hexdigest()
        await asyncio.to_thread(self._write, digest, data)
        stored = StoredFile(
            FileId(new_id("fil")),
            owner,
            kind,
            _clean_name(name),
            content_type,
            len(data),
            digest,
            public,
            self._clock.now(),
        )
        async with self._db.begin() as tx:
            await tx.execute(
                insert(files).values(
                    id=stored.id,
                    owner=owner,
                    kind=kind,
                    name=stored.name,
                    content_type=content_type,
                    bytes=stored.bytes,
                    sha256=digest,
                    public=public,
                    created_at=stored.created_at,
                )
            )
        return stored

    async def find(self, tx: Tx, file_id: str) -> StoredFile:
        """The metadata of a file. Raises NotFound."""
        row = await tx.first(select(files).where(files.c.id == file_id))
        if row is None:
            raise NotFound("file")
        return StoredFile(
            FileId(row.id),
            row.owner,
            row.kind,
            row.name,
            row.content_type,
            row.bytes,
            row.sha256,
            row.public,
            row.created_at,
        )

    def path(self, stored: StoredFile) -> Path:
        """Where the content lies; only for sending it."""
        return self._place(stored.sha256)

    def _place(self, digest: str) -> Path:
        return self._folder / digest[:2] / digest

    def _write(self, digest: str, data: bytes) -> None:
        place = self._place(digest)
        if place.exists():
            return
        place.parent.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(self._folder).free < self._keep_free:
            raise Unavailable("disk", text_id="error.disk_full")
        # Two uploads of one content at once must not take each other's half-written file away.
        temporary = place.with_name(f".{digest}.{os.getpid()}.{threading.get_ident()}")
        try:
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(place)
        except OSError as exc:
            temporary.unlink(missing_ok=True)
            raise Unavailable("disk", text_id="error.disk_full") from exc


# How recordings begin. MPEG audio has no name at its head, only a frame mark or a tag.
_SOUNDS = (
    (b"#!AMR-WB", "audio/amr-wb"),
    (b"#!AMR", "audio/amr"),
    (b"#!SILK", "audio/silk"),
    (b"\x02#!SILK", "audio/silk"),
    (b"OggS", "audio/ogg"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"\xff\xf3", "audio/mpeg"),
)


def sound_of(data: bytes) -> str | None:
    """The content type of a recording, decided by the content alone; None for anything else."""
    return next((content_type for head, content_type in _SOUNDS if data.startswith(head)), None)


def inspect(data: bytes) -> tuple[str, str, bytes]:
    """Return (kind, content type, clean content), decided by the content alone.

    Raises Invalid for anything but PNG, JPEG, WebP, GIF and MP4, and TooLarge above their limits.
    """
    if not data:
        raise Invalid("empty file", text_id="error.file_empty")
    if data[4:8] == b"ftyp":
        if len(data) > VIDEO_LIMIT:
            raise TooLarge("video", text_id="error.file_too_large")
        return "video", "video/mp4", data
    if len(data) > IMAGE_LIMIT:
        raise TooLarge("picture", text_id="error.file_too_large")
    try:
        with Image.open(io.BytesIO(data), formats=list(_FORMATS)) as picture:
            form = picture.format or ""
            if picture.width * picture.height > _MAX_PIXELS:
                raise TooLarge("pixels", text_id="error.file_too_large")
            return "image", _FORMATS[form], _without_metadata(picture, form)
    except (OSError, ValueError, SyntaxError, KeyError, Image.DecompressionBombError) as exc:
        raise Invalid("file type", text_id="error.file_type") from exc


def _without_metadata(picture: Image.Image, form: str) -> bytes:
    out = io.BytesIO()
    animated = getattr(picture, "n_frames", 1) > 1
    match form:
        case "JPEG":
            upright = ImageOps.exif_transpose(picture)
            upright.convert("RGB").save(out, "JPEG", quality=88)
        case "GIF" | "WEBP" if animated:
            picture.save(out, form, save_all=True)
        case _:
            picture.load()
            clean = picture.copy()
            clean.info = {}
            clean.save(out, form)
    return out.getvalue()


def _clean_name(name: str) -> str:
    base = name.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(c for c in base if c.isprintable() and c not in '<>:"|?*')[:120] or "file"
