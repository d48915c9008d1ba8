"""What happened in the demo's ninety days: who wrote when, about what, and how it went. Seeded, and pure."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from core.clock import SHANGHAI

DAYS = 90
MATTERS = 3_000
SEED = 20261121
# The known peak: payment, Sunday 21:00–23:00, about three times a usual evening.
_SUNDAY_PAYMENT = 0.045
# The past incident: an evening on which one provider's network in one city carried no picture.
INCIDENT_DAYS_AGO = 37
INCIDENT_MATTERS = 64
INCIDENT_CITY, INCIDENT_PROVIDER = "杭州", "电信"

# Customers' hours: share of a day's matters by hour, from midnight.
_BY_HOUR = (2, 1, 1, 1, 1, 1, 2, 3, 4, 5, 5, 5, 6, 5, 4, 4, 5, 5, 6, 8, 10, 10, 7, 4)
_CHANNELS = (("web", 0.85), ("wechat", 0.10), ("weibo", 0.05))
_DEVICES = ("星帆 X5", "云杉 S2", "青鸟 Pad 3", "远山 电视盒子", "Windows 电脑", "平板 11 寸", "智能电视 55 寸")
_SYSTEMS = ("安卓 14", "安卓 15", "iOS 18.1", "iOS 19", "Windows 11", "鸿图 4")
_APPS = ("8.2.0", "8.2.1", "8.3.0", "8.3.2")
_CITIES = ("杭州", "成都", "武汉", "西安", "广州", "南京", "沈阳", "长沙", "合肥", "青岛")
_PROVIDERS = ("电信", "移动", "联通", "广电")


class Course(StrEnum):
    """How a matter went."""

    SELF = "self"  # the bot answered, that was it
    SELF_TWICE = "self_twice"  # two questions, both answered
    SELF_THUMB = "self_thumb"  # answered, and the customer said so
    GAP = "gap"  # asked, nobody knew, went away
    PERSON = "person"  # a person took over at once and solved it
    FAILED = "failed"  # two questions without an answer, then a person
    LATER = "later"  # nobody was there; answered from the ticket
    TECHNICAL = "technical"  # next step, solved a day later
    UNHAPPY = "unhappy"  # solved, not content, an expert solved it
    ESCALATED = "escalated"  # handed up with a summary, then solved


class Ending(StrEnum):
    """How far a matter has come by now; only recent ones are not at their end."""

    DONE = "done"
    NEW = "new"
    WORKING = "working"
    OVERDUE = "overdue"
    WAITING = "waiting"
    ESCALATED = "escalated"
    REVIEW = "review"


@dataclass(frozen=True, slots=True)
class Matter:
    """One matter of one customer. `texts` are the customer's words; `article` the key of what answers them."""

    number: int
    at: datetime
    channel: str
    course: Course
    ending: Ending
    article: str | None
    category: str
    texts: tuple[str, ...]
    profile: dict[str, str]
    customer: int
    incident: bool = False


@dataclass(frozen=True, slots=True)
class Topic:
    """What customers ask about: an article's key, its category and its phrasings; key None for what nobody knows."""

    key: str | None
    category: str
    phrasings: tuple[str, ...]


def plan(now: datetime, known: Sequence[Topic], unknown: Sequence[Topic], matters: int = MATTERS) -> list[Matter]:
    """The matters of the ninety days before `now`, in order of time. The same arguments give the same plan."""
    chance = random.Random(SEED)  # noqa: S311 - invents a past, guards nothing
    payments = [topic for topic in known if topic.category.startswith("会员与支付")]
    playback = [topic for topic in known if topic.category == "技术/播放与网络"]
    moments = _moments(chance, now, matters)
    planned = []
    for number, (at, kind) in enumerate(moments, 1):
        pool = playback if kind == "incident" else payments if kind == "peak" else known
        planned.append(_matter(chance, number, at, now, chance.choice(pool), unknown, incident=kind == "incident"))
    return planned


def _moments(chance: random.Random, now: datetime, matters: int) -> list[tuple[datetime, str]]:
    found: list[tuple[datetime, str]] = []
    today = now.astimezone(SHANGHAI).replace(hour=0, minute=0, second=0, microsecond=0)
    incident = today - timedelta(days=INCIDENT_DAYS_AGO) + timedelta(hours=20)
    extra = max(4, round(INCIDENT_MATTERS * matters / MATTERS))
    found += [(incident + timedelta(minutes=abs(chance.gauss(35, 30))), "incident") for _ in range(extra)]
    peak = max(2, round(matters * _SUNDAY_PAYMENT * 7 / DAYS * 3))
    for day in range(DAYS):
        start = today - timedelta(days=day)
        if start.weekday() == 6:
            found += [(start + timedelta(hours=21, minutes=chance.uniform(0, 120)), "peak") for _ in range(peak)]
    while len(found) < matters:
        # A little more each week: the demo's service grows.
        day = int(DAYS * (1 - chance.random() ** 0.85))
        hour = chance.choices(range(24), _BY_HOUR)[0]
        found.append((today - timedelta(days=day) + timedelta(hours=hour, minutes=chance.uniform(0, 60)), "usual"))
    past = [(at, kind) for at, kind in found if at < now - timedelta(minutes=20)]
    return sorted(past)[:matters]


def _matter(
    chance: random.Random,
    number: int,
    at: datetime,
    now: datetime,
    topic: Topic,
    unknown: Sequence[Topic],
    *,
    incident: bool,
) -> Matter:
    channel = chance.choices([name for name, _ in _CHANNELS], [share for _, share in _CHANNELS])[0]
    profile = {
        "device_model": chance.choice(_DEVICES),
        "system_version": chance.choice(_SYSTEMS),
        "app_version": chance.choices(_APPS, (1, 2, 3, 4))[0],
        "network_kind": chance.choices(("wifi", "5g", "4g"), (6, 3, 1))[0],
        "network_provider": INCIDENT_PROVIDER if incident else chance.choice(_PROVIDERS),
        "city": INCIDENT_CITY if incident else chance.choice(_CITIES),
    }
    course = Course.TECHNICAL if incident and chance.random() < 0.5 else _course(chance, topic)
    if course is Course.GAP or (course is Course.FAILED and chance.random() < 0.7):
        topic = chance.choice(unknown)
    count = {Course.SELF_TWICE: 2, Course.FAILED: 2}.get(course, 1)
    return Matter(
        number=number,
        at=at,
        channel=channel,
        course=course,
        ending=_ending(chance, now - at, course),
        article=topic.key,
        category=topic.category,
        texts=tuple(chance.sample(topic.phrasings, min(count, len(topic.phrasings)))),
        profile=profile if channel == "web" else {},
        customer=chance.randrange(1, MATTERS * 2),
        incident=incident,
    )


def _course(chance: random.Random, topic: Topic) -> Course:
    weights = {
        Course.SELF: 42.0,
        Course.SELF_TWICE: 10.0,
        Course.SELF_THUMB: 6.0,
        Course.GAP: 4.0,
        Course.PERSON: 17.0,
        Course.FAILED: 5.0,
        Course.LATER: 5.0,
        Course.TECHNICAL: 6.0,
        Course.UNHAPPY: 2.5,
        Course.ESCALATED: 2.5,
    }
    if topic.category == "会员与支付/退款与扣费争议":
        weights[Course.PERSON] *= 2
        weights[Course.UNHAPPY] *= 2
    return chance.choices(list(weights), list(weights.values()))[0]


def _ending(chance: random.Random, age: timedelta, course: Course) -> Ending:
    """Most of the last days' human matters are still open; an old one only where something went wrong."""
    if course in (Course.SELF, Course.SELF_TWICE, Course.SELF_THUMB, Course.GAP):
        return Ending.DONE
    if age > timedelta(days=6):
        return Ending.OVERDUE if chance.random() < 0.006 else Ending.DONE
    if age > timedelta(days=2):
        return chance.choices(
            (Ending.DONE, Ending.WORKING, Ending.OVERDUE, Ending.WAITING, Ending.REVIEW), (70, 10, 8, 8, 4)
        )[0]
    return chance.choices(
        (Ending.DONE, Ending.NEW, Ending.WORKING, Ending.WAITING, Ending.ESCALATED, Ending.OVERDUE, Ending.REVIEW),
        (35, 20, 20, 10, 6, 5, 4),
    )[0]
