"""Outgoing webhooks for administrators: `/api/v1/webhooks`. A key is shown when it is made, and never again."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

import msgspec
from aiohttp import web

from core.clock import rfc3339
from core.errors import Invalid
from core.people.roles import Permission
from core.webhooks import store
from core.webhooks.service import KINDS, MOST_ATTEMPTS
from core.webhooks.store import Attempt, Delivery, Webhook
from gateway.http.kit import Route, body, no_content, number, reply, viewer
from gateway.limits import Limit
from gateway.services import services

_TESTS = Limit("webhook_tests", burst=10, per_s=0.2)
_PAGE = 50
_COUNTED = timedelta(hours=24)

_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
_Url = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
_Kinds = Annotated[list[Annotated[str, msgspec.Meta(max_length=40)]], msgspec.Meta(min_length=1, max_length=40)]


class NewWebhook(msgspec.Struct, forbid_unknown_fields=True):
    """A receiver: `kinds` by name, or a whole family such as `ticket.*`; `with_text` adds masked words."""

    name: _Name
    url: _Url
    kinds: _Kinds
    with_text: bool = False


class WebhookChange(msgspec.Struct, forbid_unknown_fields=True):
    """What is absent stays."""

    name: _Name | None = None
    url: _Url | None = None
    kinds: _Kinds | None = None
    with_text: bool | None = None
    disabled: bool | None = None


class WebhookView(msgspec.Struct):
    """A receiver, with what became of the last day's calls."""

    id: str
    name: str
    url: str
    kinds: list[str]
    with_text: bool
    disabled: bool
    previous_key_until: str | None
    created_at: str
    sent: int
    waiting: int
    dead: int
    key: str | None = None
    """Only in the answer that made it."""


class WebhookPage(msgspec.Struct):
    """All receivers, and what there is to hear of."""

    items: list[WebhookView]
    kinds: list[str]
    next: str | None = None


class AttemptView(msgspec.Struct):
    """One try."""

    at: str
    status: int | None
    error: str | None
    ms: int
    answer: str | None


class DeliveryView(msgspec.Struct):
    """One event for one receiver. `body` and `tries` come with a single one only."""

    id: str
    event_id: str
    kind: str
    subject: str
    state: str
    attempts: int
    most_attempts: int
    status: int | None
    error: str | None
    ms: int | None
    created_at: str
    due_at: str | None
    done_at: str | None
    body: str | None = None
    tries: list[AttemptView] = []


class DeliveryPage(msgspec.Struct):
    """The delivery log, newest first."""

    items: list[DeliveryView]
    next: str | None


def _view(one: Webhook, counts: Any, now: Any, key: str | None = None) -> WebhookView:
    found = counts.get(one.id, {})
    rotating = one.previous_until is not None and one.previous_until > now
    return WebhookView(
        id=one.id,
        name=one.name,
        url=one.url,
        kinds=list(one.kinds),
        with_text=one.with_text,
        disabled=one.disabled_at is not None,
        previous_key_until=rfc3339(one.previous_until) if rotating and one.previous_until else None,
        created_at=rfc3339(one.created_at),
        sent=found.get(store.SENT, 0),
        waiting=found.get(store.WAITING, 0),
        dead=found.get(store.DEAD, 0),
        key=key,
    )


def _delivery(one: Delivery, tries: list[Attempt] | None = None) -> DeliveryView:
    return DeliveryView(
        id=one.id,
        event_id=one.event_id,
        kind=one.kind,
        subject=one.subject,
        state=one.state,
        attempts=one.attempts,
        most_attempts=MOST_ATTEMPTS,
        status=one.last_status,
        error=one.last_error,
        ms=one.last_ms,
        created_at=rfc3339(one.created_at),
        due_at=rfc3339(one.due_at) if one.state == store.WAITING else None,
        done_at=rfc3339(one.done_at) if one.done_at else None,
        body=one.body if tries is not None else None,
        tries=[
            AttemptView(at=rfc3339(each.at), status=each.status, error=each.error, ms=each.ms, answer=each.answer)
            for each in tries or ()
        ],
    )


async def list_webhooks(request: web.Request) -> web.StreamResponse:
    parts = services(request)
    now = parts.clock.now()
    async with parts.db.read() as tx:
        found = await store.all_of(tx)
        counts = await store.counts(tx, now - _COUNTED)
    return reply(WebhookPage([_view(each, counts, now) for each in found], list(KINDS)))


async def add_webhook(request: web.Request) -> web.StreamResponse:
    """A new receiver; its key is shown in this answer only."""
    parts, who, wish = services(request), viewer(request), await body(request, NewWebhook)
    async with parts.db.begin() as tx:
        made, key = await parts.webhooks.add(
            tx, name=wish.name.strip(), url=wish.url, kinds=wish.kinds, with_text=wish.with_text, by=who.staff_id
        )
        await parts.audit.write(tx, who.staff_id, "webhook.added", made.id, kinds=list(made.kinds))
    return reply(_view(made, {}, parts.clock.now(), key), 201)


async def change_webhook(request: web.Request) -> web.StreamResponse:
    parts, who, wish = services(request), viewer(request), await body(request, WebhookChange)
    changed = [name for name in wish.__struct_fields__ if getattr(wish, name) is not None]
    async with parts.db.begin() as tx:
        made = await parts.webhooks.change(
            tx, request.match_info["id"], **{name: getattr(wish, name) for name in changed}
        )
        await parts.audit.write(tx, who.staff_id, "webhook.changed", made.id, fields=changed)
    return reply(_view(made, {}, parts.clock.now()))


async def remove_webhook(request: web.Request) -> web.StreamResponse:
    """Forget a receiver and its log."""
    parts, who = services(request), viewer(request)
    async with parts.db.begin() as tx:
        await parts.webhooks.remove(tx, request.match_info["id"])
        await parts.audit.write(tx, who.staff_id, "webhook.removed", request.match_info["id"])
    return no_content()


async def rotate_key(request: web.Request) -> web.StreamResponse:
    """A new key, shown in this answer only; the one before signs beside it for a day."""
    parts, who = services(request), viewer(request)
    async with parts.db.begin() as tx:
        made, key = await parts.webhooks.rotate(tx, request.match_info["id"])
        await parts.audit.write(tx, who.staff_id, "webhook.rotated", made.id)
    return reply(_view(made, {}, parts.clock.now(), key))


async def test_webhook(request: web.Request) -> web.StreamResponse:
    """Send a `ping` now and tell what came of it."""
    parts, who = services(request), viewer(request)
    await parts.limits.take(_TESTS, who.staff_id)
    return reply(_delivery(await parts.webhooks.test(request.match_info["id"])))


async def list_deliveries(request: web.Request) -> web.StreamResponse:
    parts = services(request)
    state = request.query.get("state", "")
    if state and state not in store.STATES:
        raise Invalid("state")
    before = number(request, "cursor", 0, 0, 2**53) or None
    limit = number(request, "limit", _PAGE, 1, 200)
    async with parts.db.read() as tx:
        await store.get(tx, request.match_info["id"])
        found = await store.page(tx, request.match_info["id"], state=state, before=before, limit=limit)
    more = str(found[-1].position) if len(found) == limit else None
    return reply(DeliveryPage([_delivery(each) for each in found], more))


async def get_delivery(request: web.Request) -> web.StreamResponse:
    """One call with its body and all tries."""
    parts = services(request)
    async with parts.db.read() as tx:
        one = await store.delivery(tx, request.match_info["id"])
        tries = await store.attempts_of(tx, one.id)
    return reply(_delivery(one, tries))


async def resend(request: web.Request) -> web.StreamResponse:
    """Send a call once more, under the same event id."""
    parts, who = services(request), viewer(request)
    async with parts.db.begin() as tx:
        one = await parts.webhooks.again(tx, request.match_info["id"])
        await parts.audit.write(tx, who.staff_id, "webhook.resent", one.id)
    return reply(_delivery(one), 202)


def _route(method: str, path: str, handler: Any, summary: str, **more: Any) -> Route:
    return Route(method, f"/api/v1/{path}", handler, Permission.SETTINGS_WRITE, summary=summary, **more)


ROUTES = (
    _route("GET", "webhooks", list_webhooks, "All receivers of webhooks", result=WebhookPage),
    _route("POST", "webhooks", add_webhook, "A new receiver", body=NewWebhook, result=WebhookView, status=201),
    _route("PATCH", "webhooks/{id}", change_webhook, "Change a receiver", body=WebhookChange, result=WebhookView),
    _route("DELETE", "webhooks/{id}", remove_webhook, "Forget a receiver", status=204),
    _route("POST", "webhooks/{id}/key", rotate_key, "A new signing key", result=WebhookView),
    _route("POST", "webhooks/{id}/test", test_webhook, "Send a test call now", result=DeliveryView),
    _route("GET", "webhooks/{id}/deliveries", list_deliveries, "The delivery log", result=DeliveryPage),
    _route("GET", "webhook-deliveries/{id}", get_delivery, "One call with all tries", result=DeliveryView),
    _route("POST", "webhook-deliveries/{id}/resend", resend, "Send a call once more", result=DeliveryView, status=202),
)
