"""What stands around a ticket, for staff: compensation, files, followers, links, splitting, snoozing, many at once;
and what an admin sets: fields of one's own, limits, how soon a step of the house is due."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from aiohttp import web

from core.errors import FrontlineError, Invalid
from core.people.roles import Permission
from gateway.auth.viewer import Viewer
from gateway.http.gate import reader
from gateway.http.kit import STAFF, Route, body, no_content, reply, viewer
from gateway.http.tickets import serial_of, speaker
from gateway.services import services
from tickets import compensations, fields, rules
from tickets.attachments import Opener

_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=60)]
_Words = Annotated[str, msgspec.Meta(max_length=500)]
_Tag = Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
_Unset = msgspec.UnsetType
_MOST_SERIALS = 100


class Bulk(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """The same for many tickets; what is absent stays. Each stands or fails by itself."""

    serials: Annotated[list[_Id], msgspec.Meta(min_length=1, max_length=_MOST_SERIALS)]
    category_id: str | _Unset = msgspec.UNSET
    priority: int | _Unset = msgspec.UNSET
    team_id: str | _Unset = msgspec.UNSET
    assignee_id: str | _Unset | None = msgspec.UNSET
    tags_add: list[_Tag] | _Unset = msgspec.UNSET
    tags_remove: list[_Tag] | _Unset = msgspec.UNSET
    snooze_until: datetime | _Unset = msgspec.UNSET


class Snooze(msgspec.Struct, forbid_unknown_fields=True):
    """Out of sight until then."""

    until: datetime
    reason: _Words = ""


class Split(msgspec.Struct, forbid_unknown_fields=True):
    """Which messages become a ticket of their own."""

    message_ids: Annotated[list[_Id], msgspec.Meta(min_length=1, max_length=200)]
    title: Annotated[str, msgspec.Meta(max_length=200)] = ""
    category_id: str | None = None
    team_id: str | None = None


class Link(msgspec.Struct, forbid_unknown_fields=True):
    """Another ticket, and what this one is to it: related, duplicate, caused_by, appeal."""

    other: _Id
    kind: _Id


class NewFile(msgspec.Struct, forbid_unknown_fields=True):
    """An uploaded file to put beside the ticket."""

    attachment_id: _Id
    description: Annotated[str, msgspec.Meta(max_length=300)] = ""
    access: str = "staff"


class FileChange(msgspec.Struct, forbid_unknown_fields=True):
    """What a file shows, who may open it (staff, team, supervisors); what is absent stays."""

    description: Annotated[str, msgspec.Meta(max_length=300)] | None = None
    access: str | None = None


class NewCompensation(msgspec.Struct, forbid_unknown_fields=True):
    """Something for the trouble. `amount` is days for membership_days, else hundredths of the currency."""

    kind: _Id
    amount: int
    reason: _Words
    what: _Words | None = None


class Decision(msgspec.Struct, forbid_unknown_fields=True):
    """A supervisor's word; a refusal needs words."""

    approve: bool
    words: _Words = ""


class NewField(msgspec.Struct, forbid_unknown_fields=True):
    """A field of one's own."""

    name: Annotated[str, msgspec.Meta(max_length=40)]
    kind: str = "text"
    choices: list[Annotated[str, msgspec.Meta(max_length=60)]] = []
    categories: list[str] = []
    required: bool = False
    shown: bool = False


class FieldChange(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What is absent stays; a field's kind never changes."""

    name: Annotated[str, msgspec.Meta(max_length=40)] | _Unset = msgspec.UNSET
    choices: list[Annotated[str, msgspec.Meta(max_length=60)]] | _Unset = msgspec.UNSET
    categories: list[str] | _Unset = msgspec.UNSET
    required: bool | _Unset = msgspec.UNSET
    shown: bool | _Unset = msgspec.UNSET
    position: Annotated[int, msgspec.Meta(ge=0, le=1_000)] | _Unset = msgspec.UNSET
    disabled: bool | _Unset = msgspec.UNSET


class WorkRules(msgspec.Struct, forbid_unknown_fields=True):
    """Limits by role and kind; working hours until a step of the house is due, by priority."""

    limits: dict[str, dict[str, int]]
    step_hours: dict[str, float]


def opener(who: Viewer) -> Opener:
    """Who wants to open files."""
    return Opener(who.staff_id, who.team_ids, {each.value for each in who.permissions})


def _set(wish: msgspec.Struct, *without: str) -> dict[str, Any]:
    return {
        name: getattr(wish, name)
        for name in wish.__struct_fields__
        if name not in without and getattr(wish, name) is not msgspec.UNSET
    }


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise Invalid("time without zone")
    return moment


async def bulk(request: web.Request) -> web.StreamResponse:
    """One line per ticket: whether it was done, else why not. Nothing is undone for another's failure."""
    parts, who = services(request), viewer(request)
    wish = await body(request, Bulk)
    values = _set(wish, "serials")
    if "snooze_until" in values:
        _aware(values["snooze_until"])
    failed: dict[str, dict[str, Any]] = {}
    serials = list(dict.fromkeys(each.upper() for each in wish.serials))
    for serial in serials:
        try:
            await parts.privacy.openings.check(reader(who), serial)
        except FrontlineError as exc:
            words = parts.texts.get(exc.text_id, **exc.params)
            failed[serial] = {"serial": serial, "ok": False, "error": {"code": exc.code, "message": words}}
    rest = [each for each in serials if each not in failed]
    done = {each["serial"]: each for each in await parts.tickets.bulk(rest, speaker(who), values)} if rest else {}
    return reply({"items": [failed.get(each) or done[each] for each in serials], "next": None})


async def tags(request: web.Request) -> web.StreamResponse:
    found = await services(request).tickets.tag_words(request.query.get("q", "")[:20])
    return reply({"items": found, "next": None})


async def follow(request: web.Request) -> web.StreamResponse:
    await services(request).tickets.follow(serial_of(request), speaker(viewer(request)), on=True)
    return no_content()


async def unfollow(request: web.Request) -> web.StreamResponse:
    await services(request).tickets.follow(serial_of(request), speaker(viewer(request)), on=False)
    return no_content()


async def snooze(request: web.Request) -> web.StreamResponse:
    wish = await body(request, Snooze)
    await services(request).tickets.snooze(
        serial_of(request), speaker(viewer(request)), _aware(wish.until), wish.reason
    )
    return no_content()


async def wake(request: web.Request) -> web.StreamResponse:
    await services(request).tickets.wake(serial_of(request), speaker(viewer(request)))
    return no_content()


async def split(request: web.Request) -> web.StreamResponse:
    """Chosen messages become a linked ticket of their own."""
    wish, parts = await body(request, Split), services(request)
    made = await parts.tickets.split(
        serial_of(request),
        speaker(viewer(request)),
        message_ids=wish.message_ids,
        title=wish.title,
        category_id=wish.category_id,
        team_id=wish.team_id,
    )
    async with parts.db.read() as tx:
        return reply(await parts.tickets.brief_of(tx, made.id), 201)


async def link(request: web.Request) -> web.StreamResponse:
    wish, parts, who = await body(request, Link), services(request), viewer(request)
    other = wish.other.strip().upper()
    await parts.privacy.openings.check(reader(who), other)
    await parts.tickets.link(serial_of(request), speaker(who), other=other, kind=wish.kind)
    return no_content()


async def unlink(request: web.Request) -> web.StreamResponse:
    await services(request).tickets.unlink(serial_of(request), speaker(viewer(request)), request.match_info["id"])
    return no_content()


async def put_file(request: web.Request) -> web.StreamResponse:
    wish = await body(request, NewFile)
    await services(request).tickets.put_file(
        serial_of(request),
        speaker(viewer(request)),
        wish.attachment_id,
        description=wish.description,
        access=wish.access,
    )
    return no_content()


async def change_file(request: web.Request) -> web.StreamResponse:
    wish, who = await body(request, FileChange), viewer(request)
    await services(request).tickets.describe_file(
        serial_of(request),
        speaker(who),
        opener(who),
        request.match_info["id"],
        description=wish.description,
        access=wish.access,
    )
    return no_content()


async def ask_compensation(request: web.Request) -> web.StreamResponse:
    """Give something, or ask for it where it is above one's limit."""
    wish, parts, who = await body(request, NewCompensation), services(request), viewer(request)
    made = await parts.tickets.ask_compensation(
        serial_of(request),
        speaker(who),
        who.roles,
        kind=wish.kind,
        amount=wish.amount,
        what=wish.what,
        reason=wish.reason,
    )
    return reply(compensations.view(made, parts.texts, staff_id=who.staff_id, may_decide=False), 201)


async def decide_compensation(request: web.Request) -> web.StreamResponse:
    wish, parts, who = await body(request, Decision), services(request), viewer(request)
    done = await parts.tickets.decide_compensation(
        request.match_info["id"], speaker(who), approve=wish.approve, words=wish.words
    )
    return reply(compensations.view(done, parts.texts, staff_id=who.staff_id, may_decide=True))


async def withdraw_compensation(request: web.Request) -> web.StreamResponse:
    parts, who = services(request), viewer(request)
    await parts.tickets.withdraw_compensation(request.match_info["id"], speaker(who))
    return no_content()


async def waiting_compensations(request: web.Request) -> web.StreamResponse:
    parts = services(request)
    return reply({"items": await parts.tickets.waiting_compensations(viewer(request).staff_id), "next": None})


async def list_fields(request: web.Request) -> web.StreamResponse:
    """The known fields, then an admin's, also those that were put away."""
    parts = services(request)
    async with parts.db.read() as tx:
        custom = await fields.custom_of(tx, all_of_them=True)
    items = [*fields.known_views(parts.texts), *(each.view() for each in custom)]
    return reply({"items": items, "next": None})


async def add_field(request: web.Request) -> web.StreamResponse:
    wish, parts, who = await body(request, NewField), services(request), viewer(request)
    async with parts.db.begin() as tx:
        made = await fields.add(
            tx,
            name=wish.name,
            kind=wish.kind,
            choices=wish.choices,
            categories=wish.categories,
            required=wish.required,
            shown=wish.shown,
            by=who.staff_id,
            now=parts.clock.now(),
        )
        await parts.audit.write(tx, who.staff_id, "field.added", made.id, name=made.name, kind=made.kind.value)
    parts.tickets.forget_settings()
    return reply(made.view(), 201)


async def change_field(request: web.Request) -> web.StreamResponse:
    wish, parts, who = await body(request, FieldChange), services(request), viewer(request)
    values = _set(wish)
    async with parts.db.begin() as tx:
        made = await fields.change(tx, request.match_info["id"], now=parts.clock.now(), **values)
        await parts.audit.write(tx, who.staff_id, "field.changed", made.id, **values)
    parts.tickets.forget_settings()
    return reply(made.view())


async def get_rules(request: web.Request) -> web.StreamResponse:
    """The rules of work, and what the one who asks may give without asking."""
    async with services(request).db.read() as tx:
        known = await rules.load(tx)
    return reply(_rules_view(known, viewer(request)))


def _rules_view(known: rules.Rules, who: Viewer) -> dict[str, Any]:
    mine = {kind: known.limit(who.roles, kind) for kind in rules.COMPENSATION_KINDS}
    return {"limits": known.limits, "step_hours": known.step_hours, "mine": mine}


async def put_rules(request: web.Request) -> web.StreamResponse:
    wish, parts, who = await body(request, WorkRules), services(request), viewer(request)
    async with parts.db.begin() as tx:
        known = await rules.save(
            tx, limits=wish.limits, step_hours=wish.step_hours, by=who.staff_id, now=parts.clock.now()
        )
        await parts.audit.write(
            tx, who.staff_id, "work_rules.changed", "work_rules", limits=wish.limits, step_hours=wish.step_hours
        )
    parts.tickets.forget_settings()
    return reply(_rules_view(known, who))


_WRITE, _REVIEW, _SETTINGS = Permission.TICKET_WRITE, Permission.TICKET_REVIEW, Permission.SETTINGS_WRITE
_READ = Permission.TICKET_READ
_ONE = "/api/v1/tickets/{serial}"


def _route(method: str, path: str, handler: Any, access: Any, summary: str, **more: Any) -> Route:
    return Route(method, path, handler, access, summary=summary, **more)


ROUTES = (
    _route("POST", "/api/v1/tickets/bulk", bulk, _WRITE, "The same for many tickets, each by itself.", body=Bulk),
    _route("GET", "/api/v1/tickets/tags", tags, _READ, "Tags in use, the most used first."),
    _route("POST", f"{_ONE}/follow", follow, _READ, "Be told of every change.", status=204),
    _route("DELETE", f"{_ONE}/follow", unfollow, _READ, "Be told no more.", status=204),
    _route("POST", f"{_ONE}/snooze", snooze, _WRITE, "Out of sight until a time.", body=Snooze, status=204),
    _route("DELETE", f"{_ONE}/snooze", wake, _WRITE, "Back into sight.", status=204),
    _route("POST", f"{_ONE}/split", split, _WRITE, "Chosen messages become a ticket.", body=Split, status=201),
    _route("POST", f"{_ONE}/links", link, _WRITE, "Link to another ticket.", body=Link, status=204),
    _route("DELETE", f"{_ONE}/links/{{id}}", unlink, _WRITE, "Take a link away.", status=204),
    _route("POST", f"{_ONE}/files", put_file, _WRITE, "Put an uploaded file beside it.", body=NewFile, status=204),
    _route(
        "PATCH",
        f"{_ONE}/files/{{id}}",
        change_file,
        _WRITE,
        "What a file shows, who may open it.",
        body=FileChange,
        status=204,
    ),
    _route(
        "POST",
        f"{_ONE}/compensations",
        ask_compensation,
        _WRITE,
        "Give or ask for compensation.",
        body=NewCompensation,
        status=201,
    ),
    _route("GET", "/api/v1/compensations", waiting_compensations, _REVIEW, "Compensation that waits for approval."),
    _route(
        "POST", "/api/v1/compensations/{id}/decide", decide_compensation, _REVIEW, "Approve or refuse.", body=Decision
    ),
    _route("DELETE", "/api/v1/compensations/{id}", withdraw_compensation, _WRITE, "Take one's wish back.", status=204),
    _route("GET", "/api/v1/ticket-fields", list_fields, STAFF, "Fields of tickets."),
    _route("POST", "/api/v1/ticket-fields", add_field, _SETTINGS, "Add a field.", body=NewField, status=201),
    _route("PATCH", "/api/v1/ticket-fields/{id}", change_field, _SETTINGS, "Change a field.", body=FieldChange),
    _route("GET", "/api/v1/work-rules", get_rules, STAFF, "Limits of compensation, times of steps."),
    _route("PUT", "/api/v1/work-rules", put_rules, _SETTINGS, "Change them.", body=WorkRules),
)
