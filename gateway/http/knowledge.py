"""The knowledge editor's API, and the open search of public articles: `/api/v1/knowledge/*`."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from aiohttp import web

from bot.markdown import to_html, to_text
from bot.types import SearchAnswer
from core.clock import rfc3339
from core.errors import Invalid, NotFound
from core.normaliser import normalise
from core.people.roles import Permission
from gateway.http.chat import crossing, read_upload, send_file
from gateway.http.kit import OPEN, Route, address, body, no_content, number, reply, viewer
from gateway.limits import Limit
from gateway.services import Services, services
from knowledge_base.store import ArticleRow, Content, Release, all_articles, get, history, list_releases

_SEARCH = Limit("search", burst=120, per_s=10)
_READ, _WRITE, _PUBLISH = Permission.KNOWLEDGE_READ, Permission.KNOWLEDGE_WRITE, Permission.KNOWLEDGE_PUBLISH
# A draft that finds another article at least this surely repeats it.
_DUPLICATE = 0.6


class Draft(msgspec.Struct, forbid_unknown_fields=True):
    """An article's words as they stand in the editor."""

    title: str
    question: str
    variants: list[str]
    answer: str

    def content(self) -> Content:
        return Content(self.title, self.question, tuple(self.variants), self.answer)


class NewArticle(Draft, forbid_unknown_fields=True, kw_only=True):
    """Body of a new article."""

    area: str
    category_id: str = "unsorted"
    public: bool = True


class ArticleChange(NewArticle, forbid_unknown_fields=True, kw_only=True):
    """Body of a saved draft; `base_revision` is the one that was edited."""

    base_revision: int


class Markdown(msgspec.Struct, forbid_unknown_fields=True):
    """Body of a preview."""

    markdown: Annotated[str, msgspec.Meta(max_length=20_000)]


class Trial(msgspec.Struct, forbid_unknown_fields=True):
    """Body of 「机器人会怎么答」."""

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
    article_id: str | None = None
    draft: Draft | None = None


class NewRelease(msgspec.Struct, forbid_unknown_fields=True):
    """Body of a publish."""

    note: Annotated[str, msgspec.Meta(max_length=200)] = ""


def _brief(row: ArticleRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "key": row.key,
        "title": row.draft.title,
        "question": row.draft.question,
        "area": row.area,
        "category_id": row.category_id,
        "public": row.public,
        "state": row.state,
        "variants_count": len(row.draft.variants),
        "updated_at": rfc3339(row.updated_at),
        "updated_by": row.updated_by,
    }


def _content(content: Content, revision: int) -> dict[str, Any]:
    return {
        "revision": revision,
        "title": content.title,
        "question": content.question,
        "variants": content.variants,
        "answer": content.answer,
        "html": to_html(content.answer),
    }


async def list_articles(request: web.Request) -> web.StreamResponse:
    parts = services(request)
    query, area, state = (request.query.get(name, "") for name in ("q", "area", "state"))
    async with parts.db.read() as tx:
        rows = await all_articles(tx, archived=True)
        names = await parts.people.names(tx, {row.updated_by for row in rows})
    wanted = normalise(query)
    shown = [
        row
        for row in rows
        if (not area or row.area == area)
        and (row.state == state if state else row.state != "archived")
        and (
            not wanted
            or any(
                wanted in normalise(text)
                for text in (row.draft.title, row.draft.question, row.draft.answer, *row.draft.variants)
            )
        )
    ]
    items = [{**_brief(row), "updated_by": names.get(row.updated_by, row.updated_by)} for row in shown]
    areas = list(dict.fromkeys(row.area for row in rows))
    return reply({"items": items, "next": None, "areas": areas})


async def create_article(request: web.Request) -> web.StreamResponse:
    parts, who = services(request), viewer(request)
    wish = await body(request, NewArticle)
    article_id = await parts.knowledge.create(
        wish.content(), area=_area(wish.area), category_id=wish.category_id, public=wish.public, by=who.staff_id
    )
    return reply({"id": article_id}, 201)


def _area(text: str) -> str:
    if not 1 <= len(text.strip()) <= 40:
        raise Invalid("area", text_id="error.article_area")
    return text.strip()


async def get_article(request: web.Request) -> web.StreamResponse:
    parts = services(request)
    async with parts.db.read() as tx:
        row = await get(tx, request.match_info["id"])
        past = await history(tx, row.id)
        names = await parts.people.names(tx, {row.updated_by, *(each.by for each in past)})
    return reply(
        {
            **_brief(row),
            "draft": _content(row.draft, row.draft_revision),
            "live": _content(row.live, row.published_revision or 0) if row.live else None,
            "history": [
                {"revision": each.revision, "at": rfc3339(each.at), "by": names.get(each.by, each.by)} for each in past
            ],
        }
    )


async def save_article(request: web.Request) -> web.StreamResponse:
    parts, who = services(request), viewer(request)
    wish = await body(request, ArticleChange)
    revision = await parts.knowledge.save(
        request.match_info["id"],
        wish.content(),
        base_revision=wish.base_revision,
        area=_area(wish.area),
        category_id=wish.category_id,
        public=wish.public,
        by=who.staff_id,
    )
    return reply({"revision": revision})


async def archive_article(request: web.Request) -> web.StreamResponse:
    await services(request).knowledge.archive(request.match_info["id"], by=viewer(request).staff_id)
    return no_content()


async def add_picture(request: web.Request) -> web.StreamResponse:
    """Keep a picture for an article; anybody who reads the article may see it."""
    parts = services(request)
    article = await parts.knowledge.find_article(request.match_info["id"])
    name, data = await read_upload(request)
    stored = await parts.files.store(data, name=name, owner=f"article:{article.id}", public=True)
    if stored.kind != "image":
        raise Invalid("picture", text_id="error.file_type")
    return reply({"url": f"/api/v1/knowledge/pictures/{stored.id}"}, 201)


async def picture(request: web.Request) -> web.StreamResponse:
    parts = services(request)
    async with parts.db.read() as tx:
        stored = await parts.files.find(tx, request.match_info["id"])
    if not stored.public or stored.kind != "image":
        raise NotFound("picture")
    response = send_file(parts, stored)
    response.headers["Cache-Control"] = "public, max-age=86400"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


async def preview(request: web.Request) -> web.StreamResponse:
    """How an answer looks per channel."""
    wish = await body(request, Markdown)
    plain = to_text(wish.markdown)
    return reply({"html": to_html(wish.markdown), "wechat": plain, "weibo": plain[:299]})


def _answer(found: SearchAnswer) -> dict[str, Any]:
    return {
        "release": found.release_id,
        "decision": found.decision,
        "exact": found.exact,
        "lexical_only": found.lexical_only,
        "results": [
            {
                "article_id": each.article_id,
                "title": each.title,
                "question": each.question,
                "score": round(each.score, 4),
                "probability": round(each.probability, 4),
            }
            for each in found.results
        ],
    }


async def try_question(request: web.Request) -> web.StreamResponse:
    """What the bot answers now and would answer with the drafts, and what is suspicious about the draft."""
    parts = services(request)
    wish = await body(request, Trial)
    draft = wish.draft.content() if wish.draft else None
    live, trial = await parts.knowledge.try_question(wish.text, article_id=wish.article_id, draft=draft)
    warnings = await _warnings(parts, wish, draft) if draft else []
    return reply({"live": _answer(live), "draft": _answer(trial), "warnings": warnings})


async def _warnings(parts: Services, wish: Trial, draft: Content) -> list[dict[str, str]]:
    found = []
    similar = await parts.knowledge.search(draft.question)
    for each in similar.results[:1]:
        if each.article_id != wish.article_id and (similar.exact or each.probability >= _DUPLICATE):
            found.append({"kind": "duplicate", "article_id": each.article_id, "title": each.title})
    if len(draft.variants) < 3:
        found.append({"kind": "few_variants", "article_id": "", "title": ""})
    return found


async def changes(request: web.Request) -> web.StreamResponse:
    parts = services(request)
    found = await parts.knowledge.changes()
    golden = await parts.knowledge.golden()
    return reply(
        {
            "added": [_brief(row) for row in found.added],
            "changed": [
                {**_brief(row), "before": _content(row.live, 0) if row.live else None, "after": _content(row.draft, 0)}
                for row in found.changed
            ],
            "removed": [_brief(row) for row in found.removed],
            "golden": {
                "total": golden.total,
                "passed": golden.total - len(golden.failed),
                "failed": [
                    {"question": question, "wanted": wanted, "found": other}
                    for question, wanted, other in golden.failed
                ],
            },
        }
    )


def _release(row: Release, live_id: str | None, names: dict[str, str]) -> dict[str, Any]:
    return {
        "id": row.id,
        "number": row.number,
        "kind": row.kind,
        "note": row.note,
        "at": rfc3339(row.at),
        "by": names.get(row.by, row.by),
        "articles": len(row.articles),
        "live": row.id == live_id,
    }


async def publish(request: web.Request) -> web.StreamResponse:
    parts, who = services(request), viewer(request)
    wish = await body(request, NewRelease)
    made = await parts.knowledge.publish(note=wish.note, by=who.staff_id)
    async with parts.db.begin() as tx:
        await parts.audit.write(tx, who.staff_id, "knowledge.published", made.id, number=made.number)
    return reply(_release(made, made.id, {who.staff_id: who.display_name}), 201)


async def releases(request: web.Request) -> web.StreamResponse:
    parts = services(request)
    async with parts.db.read() as tx:
        rows = await list_releases(tx)
        names = await parts.people.names(tx, {row.by for row in rows})
    live = parts.knowledge.live
    return reply({"items": [_release(row, live.release.id if live else None, names) for row in rows], "next": None})


async def roll_back(request: web.Request) -> web.StreamResponse:
    parts, who = services(request), viewer(request)
    made = await parts.knowledge.roll_back(request.match_info["id"], by=who.staff_id)
    async with parts.db.begin() as tx:
        await parts.audit.write(tx, who.staff_id, "knowledge.rolled_back", made.id, number=made.number)
    return reply(_release(made, made.id, {who.staff_id: who.display_name}), 201)


async def list_gaps(request: web.Request) -> web.StreamResponse:
    days = number(request, "days", 30, 1, 90)
    groups = await services(request).knowledge.gap_groups(days)
    return reply({"items": [{**each, "last_at": rfc3339(each["last_at"])} for each in groups], "next": None})


async def search(request: web.Request) -> web.StreamResponse:
    """Search of public articles, open to anybody."""
    parts = services(request)
    await parts.limits.take(_SEARCH, address(request))
    query = request.query.get("q", "").strip()
    if not query or len(query) > 500:
        raise Invalid("q", text_id="error.text_empty")
    limit = number(request, "limit", 5, 1, 20)
    found = await parts.knowledge.search(query, limit=limit)
    live = parts.knowledge.live
    results = []
    for each in found.results:
        view = await parts.knowledge.article(each.article_id)
        if view is None or live is None or not live.contents[each.article_id][2]:
            continue
        results.append(
            {
                "article_id": each.article_id,
                "question": view.question,
                "title": view.title,
                "answer": view.text,
                "score": round(each.score, 4),
                "probability": round(each.probability, 4),
            }
        )
    return reply({"release": found.release_id, "decision": found.decision, "results": results})


def _route(method: str, path: str, handler: Any, access: Any, **more: Any) -> Route:
    return Route(method, f"/api/v1/knowledge/{path}", handler, access, **more)


ROUTES = (
    _route("GET", "search", crossing(search), OPEN, summary="Search public articles"),
    _route("GET", "articles", list_articles, _READ),
    _route("POST", "articles", create_article, _WRITE, body=NewArticle, status=201),
    _route("GET", "articles/{id}", get_article, _READ),
    _route("PUT", "articles/{id}", save_article, _WRITE, body=ArticleChange),
    _route("POST", "articles/{id}/archive", archive_article, _WRITE, status=204),
    _route("POST", "articles/{id}/picture", add_picture, _WRITE, status=201),
    _route("GET", "pictures/{id}", picture, OPEN),
    _route("POST", "preview", preview, _READ, body=Markdown),
    _route("POST", "try", try_question, _READ, body=Trial),
    _route("GET", "changes", changes, _READ),
    _route("GET", "releases", releases, _READ),
    _route("POST", "releases", publish, _PUBLISH, body=NewRelease, status=201),
    _route("POST", "releases/{id}/rollback", roll_back, _PUBLISH, status=201),
    _route("GET", "gaps", list_gaps, _READ),
)
