"""What is promised, when teams work, and the robots that hear of it: policies, chain, calendars, group robots."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec
from aiohttp import web

from core.clock import UTC
from core.errors import Invalid
from core.ids import new_id
from core.people.roles import Permission
from core.people.store import CalendarRow
from core.robots.robots import Robot, checked
from core.robots.wire import RobotKind
from gateway.http.kit import Route, body, no_content, number, reply, viewer
from gateway.services import services
from tickets.sla.admin import SlaAdmin, Trial
from tickets.sla.clocks import ClockKind
from tickets.sla.policy import KINDS, Match, Policy, limits_json, limits_of
from tickets.sla.store import WHO, Step

_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=60)]
_Day = Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d\d-\d\d$")]
_Time = Annotated[str, msgspec.Meta(pattern=r"^\d\d:\d\d$")]


class LimitBody(msgspec.Struct, forbid_unknown_fields=True):
    """So many seconds of working time; `warn_s` absent: three quarters of it."""

    limit_s: int
    warn_s: int | None = None


class MatchBody(msgspec.Struct, forbid_unknown_fields=True):
    """Which matters; an empty list means any."""

    categories: Annotated[list[_Id], msgspec.Meta(max_length=100)] = []
    priorities: Annotated[list[int], msgspec.Meta(max_length=5)] = []
    channels: Annotated[list[_Id], msgspec.Meta(max_length=20)] = []
    levels: Annotated[list[_Id], msgspec.Meta(max_length=20)] = []
    tiers: Annotated[list[int], msgspec.Meta(max_length=3)] = []


class PolicyBody(msgspec.Struct, forbid_unknown_fields=True):
    """A policy. Without `calendar_id` the hours of the ticket's team count."""

    name: _Name
    limits: dict[str, LimitBody]
    match: MatchBody = msgspec.field(default_factory=MatchBody)
    calendar_id: str | None = None
    enabled: bool = True


class OrderBody(msgspec.Struct, forbid_unknown_fields=True):
    """All policies, the first that fits first."""

    ids: Annotated[list[_Id], msgspec.Meta(max_length=500)]


class StepBody(msgspec.Struct, forbid_unknown_fields=True):
    """One step of the chain."""

    who: str
    after_s: int


class ChainBody(msgspec.Struct, forbid_unknown_fields=True):
    """Whom a broken promise reaches, and of which delays customers are told."""

    chain: Annotated[list[StepBody], msgspec.Meta(max_length=10)]
    head_id: str | None = None
    tell: Annotated[list[str], msgspec.Meta(max_length=10)] = []


class CalendarBody(msgspec.Struct, forbid_unknown_fields=True):
    """A calendar; `hours` by weekday (mon … sun), several intervals a day."""

    name: _Name
    timezone: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    hours: dict[str, Annotated[list[Annotated[list[_Time], msgspec.Meta(max_length=2)]], msgspec.Meta(max_length=12)]]
    holidays: Annotated[list[_Day], msgspec.Meta(max_length=2_000)] = []
    workdays: Annotated[list[_Day], msgspec.Meta(max_length=2_000)] = []


class DaysBody(msgspec.Struct, forbid_unknown_fields=True):
    """One year's days off and worked weekend days, a line each; without text the delivered ones."""

    year: Annotated[int, msgspec.Meta(ge=2000, le=2100)]
    text: Annotated[str, msgspec.Meta(max_length=20_000)] = ""


class TeamCalendarBody(msgspec.Struct, forbid_unknown_fields=True):
    """Which calendar a team works by."""

    calendar_id: _Id


class RobotBody(msgspec.Struct, forbid_unknown_fields=True):
    """A new robot. `secret` signs (钉钉, 飞书); 企业微信 has none."""

    name: _Name
    kind: RobotKind
    url: Annotated[str, msgspec.Meta(max_length=500)]
    topics: list[str]
    secret: Annotated[str, msgspec.Meta(max_length=200)] = ""
    team_ids: Annotated[list[_Id], msgspec.Meta(max_length=100)] = []
    enabled: bool = True


class RobotChange(msgspec.Struct, forbid_unknown_fields=True):
    """What is absent stays; an empty address or secret stays as it is, since the page shows neither."""

    name: _Name | None = None
    url: Annotated[str, msgspec.Meta(max_length=500)] = ""
    topics: list[str] | None = None
    secret: Annotated[str, msgspec.Meta(max_length=200)] = ""
    team_ids: Annotated[list[_Id], msgspec.Meta(max_length=100)] | None = None
    enabled: bool | None = None


def _admin(request: web.Request) -> SlaAdmin:
    return SlaAdmin(services(request).tickets.sla)


def _policy_view(policy: Policy) -> dict[str, Any]:
    match = policy.match
    return {
        "id": policy.id,
        "name": policy.name,
        "enabled": policy.enabled,
        "match": {
            "categories": match.categories,
            "priorities": match.priorities,
            "channels": match.channels,
            "levels": match.levels,
            "tiers": match.tiers,
        },
        "limits": limits_json(policy),
        "calendar_id": policy.calendar_id,
    }


def _policy(wish: PolicyBody, policy_id: str) -> Policy:
    match = wish.match
    return Policy(
        id=policy_id,
        name=wish.name,
        match=Match(
            tuple(match.categories),
            tuple(match.priorities),
            tuple(match.channels),
            tuple(match.levels),
            tuple(match.tiers),
        ),
        limits=limits_of({kind: {"limit_s": one.limit_s, "warn_s": one.warn_s} for kind, one in wish.limits.items()}),
        calendar_id=wish.calendar_id,
        enabled=wish.enabled,
    )


async def show(request: web.Request) -> web.StreamResponse:
    policies, settings = await _admin(request).policies()
    return reply(
        {
            "policies": [_policy_view(each) for each in policies],
            "kinds": [kind.value for kind in KINDS],
            "chain": [{"who": step.who, "after_s": step.after_s} for step in settings.chain],
            "who": WHO,
            "head_id": settings.head_id,
            "tell": settings.tell,
            "tellable": [kind.value for kind in ClockKind],
        }
    )


async def add_policy(request: web.Request) -> web.StreamResponse:
    wish = await body(request, PolicyBody)
    made = await _admin(request).save(viewer(request).staff_id, _policy(wish, ""), new=True)
    return reply(_policy_view(made), 201)


async def change_policy(request: web.Request) -> web.StreamResponse:
    wish = await body(request, PolicyBody)
    policy = _policy(wish, request.match_info["id"])
    return reply(_policy_view(await _admin(request).save(viewer(request).staff_id, policy, new=False)))


async def remove_policy(request: web.Request) -> web.StreamResponse:
    await _admin(request).remove(viewer(request).staff_id, request.match_info["id"])
    return no_content()


async def order_policies(request: web.Request) -> web.StreamResponse:
    await _admin(request).order(viewer(request).staff_id, (await body(request, OrderBody)).ids)
    return no_content()


async def change_chain(request: web.Request) -> web.StreamResponse:
    wish = await body(request, ChainBody)
    chain = [Step(step.who, step.after_s) for step in wish.chain]
    await _admin(request).save_chain(viewer(request).staff_id, chain=chain, head_id=wish.head_id, tell=wish.tell)
    return no_content()


async def try_out(request: web.Request) -> web.StreamResponse:
    query = request.query
    try:
        at = datetime.fromisoformat(query["at"]) if "at" in query else services(request).clock.now()
    except ValueError as exc:
        raise Invalid("at") from exc
    trial = Trial(
        category_id=query.get("category", "unsorted"),
        priority=number(request, "priority", 3, 1, 5),
        channel_kind=query.get("channel", "web"),
        tier=number(request, "tier", 2, 2, 3),
        level=query.get("level") or None,
        team_id=query.get("team", "general"),
        at=at if at.tzinfo else at.replace(tzinfo=UTC),
    )
    return reply({"items": await _admin(request).tried(trial)})


def _calendar_view(row: CalendarRow, team_ids: list[str]) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "timezone": row.timezone,
        "hours": row.hours,
        "holidays": row.holidays,
        "workdays": row.workdays,
        "team_ids": team_ids,
    }


async def list_calendars(request: web.Request) -> web.StreamResponse:
    parts = services(request)
    async with parts.db.read() as tx:
        found = await parts.people.calendars(tx)
        teams = await parts.people.teams(tx)
        missing = await parts.tickets.sla.year_missing(tx)
    return reply(
        {
            "items": [_calendar_view(row, [team.id for team in teams if team.calendar_id == row.id]) for row in found],
            "teams": [{"id": team.id, "name": team.name, "calendar_id": team.calendar_id} for team in teams],
            "missing_year": missing,
        }
    )


def _calendar(wish: CalendarBody, calendar_id: str) -> CalendarRow:
    days = (tuple(sorted(set(each))) for each in (wish.holidays, wish.workdays))
    return CalendarRow(calendar_id, wish.name.strip(), wish.timezone, wish.hours, *days)


async def add_calendar(request: web.Request) -> web.StreamResponse:
    wish = await body(request, CalendarBody)
    made = await _admin(request).save_calendar(viewer(request).staff_id, _calendar(wish, ""), new=True)
    return reply(_calendar_view(made, []), 201)


async def change_calendar(request: web.Request) -> web.StreamResponse:
    wish = await body(request, CalendarBody)
    row = _calendar(wish, request.match_info["id"])
    await _admin(request).save_calendar(viewer(request).staff_id, row, new=False)
    return no_content()


async def remove_calendar(request: web.Request) -> web.StreamResponse:
    await _admin(request).remove_calendar(viewer(request).staff_id, request.match_info["id"])
    return no_content()


async def import_days(request: web.Request) -> web.StreamResponse:
    wish = await body(request, DaysBody)
    row = await _admin(request).import_days(viewer(request).staff_id, request.match_info["id"], wish.year, wish.text)
    return reply({"holidays": row.holidays, "workdays": row.workdays})


async def give_calendar(request: web.Request) -> web.StreamResponse:
    wish = await body(request, TeamCalendarBody)
    await _admin(request).give_calendar(viewer(request).staff_id, request.match_info["id"], wish.calendar_id)
    return no_content()


def _robot_view(robot: Robot) -> dict[str, Any]:
    # The address carries the robot's key, so only the house that it belongs to is shown.
    return {
        "id": robot.id,
        "name": robot.name,
        "kind": robot.kind.value,
        "host": urlsplit(robot.url).netloc,
        "signed": bool(robot.secret),
        "topics": robot.topics,
        "team_ids": robot.team_ids,
        "enabled": robot.enabled,
    }


async def list_robots(request: web.Request) -> web.StreamResponse:
    parts = services(request)
    async with parts.db.read() as tx:
        found = await parts.tickets.sla.robots.all_of(tx)
    return reply({"items": [_robot_view(each) for each in found], "next": None})


async def add_robot(request: web.Request) -> web.StreamResponse:
    parts, wish = services(request), await body(request, RobotBody)
    robot = checked(
        Robot(
            id=new_id("rbt"),
            name=wish.name,
            kind=wish.kind,
            url=wish.url,
            secret=wish.secret,
            topics=tuple(dict.fromkeys(wish.topics)),
            team_ids=tuple(dict.fromkeys(wish.team_ids)),
            enabled=wish.enabled,
        )
    )
    async with parts.db.begin() as tx:
        await parts.tickets.sla.robots.save(tx, robot)
        await parts.audit.write(tx, viewer(request).staff_id, "robot.added", robot.id, kind=robot.kind.value)
    return reply(_robot_view(robot), 201)


async def change_robot(request: web.Request) -> web.StreamResponse:
    parts, wish = services(request), await body(request, RobotChange)
    async with parts.db.begin() as tx:
        known = await parts.tickets.sla.robots.get(tx, request.match_info["id"])
        robot = checked(
            replace(
                known,
                name=wish.name if wish.name is not None else known.name,
                url=wish.url or known.url,
                secret=wish.secret or known.secret,
                topics=tuple(dict.fromkeys(wish.topics)) if wish.topics is not None else known.topics,
                team_ids=tuple(dict.fromkeys(wish.team_ids)) if wish.team_ids is not None else known.team_ids,
                enabled=wish.enabled if wish.enabled is not None else known.enabled,
            )
        )
        await parts.tickets.sla.robots.save(tx, robot)
        await parts.audit.write(tx, viewer(request).staff_id, "robot.changed", robot.id)
    return reply(_robot_view(robot))


async def remove_robot(request: web.Request) -> web.StreamResponse:
    parts, robot_id = services(request), request.match_info["id"]
    async with parts.db.begin() as tx:
        await parts.tickets.sla.robots.remove(tx, robot_id)
        await parts.audit.write(tx, viewer(request).staff_id, "robot.removed", robot_id)
    return no_content()


async def test_robot(request: web.Request) -> web.StreamResponse:
    parts = services(request)
    line = await parts.tickets.sla.robots.try_now(
        parts.session,
        request.match_info["id"],
        title=parts.texts.get("sla.robot.test.title"),
        lines=[parts.texts.get("sla.robot.test.line")],
    )
    return reply(line)


async def robot_journal(request: web.Request) -> web.StreamResponse:
    parts = services(request)
    async with parts.db.read() as tx:
        await parts.tickets.sla.robots.get(tx, request.match_info["id"])
        lines = await parts.tickets.sla.robots.journal(tx, request.match_info["id"])
    return reply({"items": lines, "next": None})


_WRITE = Permission.SETTINGS_WRITE
_READ = Permission.TICKET_READ

ROUTES = (
    Route("GET", "/api/v1/sla", show, _READ, summary="What is promised: policies in order, and the chain."),
    Route("POST", "/api/v1/sla/policies", add_policy, _WRITE, body=PolicyBody, status=201, summary="Add a policy."),
    Route(
        "PUT",
        "/api/v1/sla/policies/{id}",
        change_policy,
        _WRITE,
        body=PolicyBody,
        summary="Change a policy; it holds for running clocks at once.",
    ),
    Route("DELETE", "/api/v1/sla/policies/{id}", remove_policy, _WRITE, status=204, summary="Remove a policy."),
    Route("PUT", "/api/v1/sla/order", order_policies, _WRITE, body=OrderBody, status=204, summary="Order policies."),
    Route(
        "PUT",
        "/api/v1/sla/chain",
        change_chain,
        _WRITE,
        body=ChainBody,
        status=204,
        summary="Change whom broken promises reach, and of which delays customers are told.",
    ),
    Route("GET", "/api/v1/sla/try", try_out, _READ, summary="What would be promised about a matter."),
    Route("GET", "/api/v1/calendars", list_calendars, _READ, summary="Calendars, and whether a year is missing."),
    Route("POST", "/api/v1/calendars", add_calendar, _WRITE, body=CalendarBody, status=201, summary="Add a calendar."),
    Route(
        "PUT", "/api/v1/calendars/{id}", change_calendar, _WRITE, body=CalendarBody, status=204, summary="Change one."
    ),
    Route("DELETE", "/api/v1/calendars/{id}", remove_calendar, _WRITE, status=204, summary="Remove an unused one."),
    Route(
        "POST",
        "/api/v1/calendars/{id}/days",
        import_days,
        _WRITE,
        body=DaysBody,
        summary="Import a year's days off and worked weekend days.",
    ),
    Route(
        "PUT",
        "/api/v1/teams/{id}/calendar",
        give_calendar,
        _WRITE,
        body=TeamCalendarBody,
        status=204,
        summary="Let a team work by a calendar.",
    ),
    Route("GET", "/api/v1/robots", list_robots, _WRITE, summary="Group robots."),
    Route("POST", "/api/v1/robots", add_robot, _WRITE, body=RobotBody, status=201, summary="Add a group robot."),
    Route("PATCH", "/api/v1/robots/{id}", change_robot, _WRITE, body=RobotChange, summary="Change a group robot."),
    Route("DELETE", "/api/v1/robots/{id}", remove_robot, _WRITE, status=204, summary="Remove a group robot."),
    Route("POST", "/api/v1/robots/{id}/test", test_robot, _WRITE, summary="Send a test message at once."),
    Route("GET", "/api/v1/robots/{id}/log", robot_journal, _WRITE, summary="What a robot was told lately."),
)
