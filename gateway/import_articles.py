"""Import of articles from a YAML or JSON file: what another system or an editor's sheet holds becomes drafts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import yaml

from core.errors import Invalid
from gateway.services import Services
from knowledge_base import store
from knowledge_base.service import check
from knowledge_base.store import Content


class _Article(msgspec.Struct, forbid_unknown_fields=True):
    """One entry of the file."""

    key: str
    area: str
    title: str
    question: str
    answer: str
    category: str = "unsorted"
    variants: list[str] = []
    public: bool = True


async def import_file(parts: Services, path: Path, *, publish: bool) -> str:
    """Import all entries or none; return a sentence of what was done. Raises Invalid naming the bad entry."""
    try:
        # JSON is YAML, so one reader serves both.
        entries = msgspec.convert(yaml.safe_load(path.read_text(encoding="utf-8")), list[_Article])
    except (OSError, UnicodeDecodeError, yaml.YAMLError, msgspec.ValidationError) as exc:
        raise Invalid(f"{path}: {exc}") from exc
    added = changed = 0
    now = parts.clock.now()
    async with parts.db.begin() as tx:
        known = {row.key: row for row in await store.all_articles(tx, archived=True)}
        for each in entries:
            try:
                content = check(Content(each.title, each.question, tuple(each.variants), each.answer))
            except Invalid as exc:
                raise Invalid(f"{path}: {each.key}: {exc.detail}") from exc
            about: dict[str, Any] = {
                "area": each.area,
                "category_id": each.category,
                "public": each.public,
                "by": "import",
                "now": now,
            }
            row = known.get(each.key)
            if row is None:
                await store.create(tx, content, key=each.key, **about)
                added += 1
            elif row.draft != content or row.archived_at is not None:
                await store.save(tx, row.id, content, base_revision=row.draft_revision, **about)
                changed += 1
        await parts.audit.write(tx, "cli", "knowledge.imported", path.name, added=added, changed=changed)
    text = f"{added} added, {changed} changed, {len(entries) - added - changed} as they were"
    if publish and (added or changed):
        made = await parts.knowledge.publish(note=f"import {path.name}"[:200], by="import")
        text += f"; release {made.number}"
    return text
