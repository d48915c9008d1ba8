"""Editors' own words in place of the delivered texts."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, insert, select

from bot.tables import bot_texts
from core.db import Tx


async def all_texts(tx: Tx) -> dict[tuple[str, str], str]:
    """Every override by (language, text id); hand it to `Catalogue.override`."""
    return {(row.language, row.text_id): row.text for row in await tx.all(select(bot_texts))}


async def put(tx: Tx, text_id: str, language: str, text: str | None, *, by: str, now: datetime) -> None:
    """Set one override, or remove it (None) so that the delivered text is said again."""
    await tx.execute(delete(bot_texts).where(bot_texts.c.text_id == text_id, bot_texts.c.language == language))
    if text is not None:
        await tx.execute(
            insert(bot_texts).values(text_id=text_id, language=language, text=text, updated_at=now, updated_by=by)
        )
