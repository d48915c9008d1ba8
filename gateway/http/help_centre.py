"""The help centre's data: public articles of the release that answers now."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from bot.markdown import to_html, to_text
from core.clock import rfc3339
from core.errors import NotFound
from gateway.http.kit import OPEN, Route, reply
from gateway.services import services
from knowledge_base.store import all_articles

_SUMMARY = 60
_RELATED = 5


async def list_articles(request: web.Request) -> web.StreamResponse:
    """Titles by area, in the order of the areas' first articles."""
    parts = services(request)
    live = parts.knowledge.live
    if live is None:
        return reply({"articles": []})
    async with parts.db.read() as tx:
        rows = await all_articles(tx, archived=True)
    popular = {each.get("article_id") for each in (await parts.web.channel(None)).profile.get("hot", [])}
    items: list[dict[str, Any]] = []
    for row in rows:
        if row.id not in live.contents or not live.contents[row.id][2]:
            continue
        content = live.contents[row.id][1]
        items.append(
            {
                "article_id": row.id,
                "title": content.title,
                "area": row.area,
                "summary": to_text(content.answer)[:_SUMMARY],
                "popular": row.id in popular or row.key in popular,
                "updated_at": rfc3339(row.updated_at),
            }
        )
    return reply({"articles": items})


async def get_article(request: web.Request) -> web.StreamResponse:
    """One public article, by id or key."""
    parts = services(request)
    live = parts.knowledge.live
    wanted = request.match_info["article_id"]
    if live is None:
        raise NotFound("article")
    async with parts.db.read() as tx:
        rows = await all_articles(tx, archived=True)
    row = next((each for each in rows if wanted in (each.id, each.key)), None)
    if row is None or row.id not in live.contents or not live.contents[row.id][2]:
        raise NotFound("article")
    content = live.contents[row.id][1]
    related = [
        {"article_id": each.id, "title": live.contents[each.id][1].title}
        for each in rows
        if each.area == row.area and each.id != row.id and each.id in live.contents and live.contents[each.id][2]
    ]
    return reply(
        {
            "article_id": row.id,
            "title": content.title,
            "area": row.area,
            "html": to_html(content.answer),
            "updated_at": rfc3339(row.updated_at),
            "related": related[:_RELATED],
        }
    )


ROUTES = (
    Route("GET", "/api/v1/help/articles", list_articles, OPEN),
    Route("GET", "/api/v1/help/articles/{article_id}", get_article, OPEN),
)
