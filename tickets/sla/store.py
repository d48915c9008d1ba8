"""SQL of the promises: policies and settings, which are read rarely, and clocks, which are written with each change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, insert, select, update

from core.db import Tx
from core.ids import new_id
from tickets.sla.policy import DELIVERED, Limit, Match, Policy, limits_json, limits_of
from tickets.sla.tables import sla_clocks, sla_policies, sla_settings

_SETTINGS = 1


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the chain: who is told, and how much working time after the step before."""

    who: str  # agent, senior, supervisor, expert, head
    after_s: int


@dataclass(frozen=True, slots=True)
class SlaSettings:
    """What stands beside the policies."""

    version: int
    chain: tuple[Step, ...]
    head_id: str | None
    tell: tuple[str, ...]


WHO = ("agent", "senior", "supervisor", "expert", "head")
_MINUTE = 60
DELIVERED_CHAIN = (
    Step("agent", 0),
    Step("senior", 15 * _MINUTE),
    Step("supervisor", 30 * _MINUTE),
    Step("expert", 60 * _MINUTE),
    Step("head", 120 * _MINUTE),
)
# Promises that customers know of: when somebody answers, when there is a result, and what they were told by name.
DELIVERED_TELL = ("first_response", "resolution", "next_step")


@dataclass(frozen=True, slots=True)
class ClockRow:
    """One clock as it is stored."""

    id: str
    ticket_id: str
    kind: str
    round: int
    policy_id: str | None
    started_at: datetime
    due_at: datetime | None
    warn_at: datetime | None
    limit_s: float
    spent_s: float
    paused: bool
    breached_at: datetime | None
    stopped_at: datetime | None
    outcome: str | None
    warned_at: datetime | None = None
    noted_at: datetime | None = None
    chain_step: int = 0
    chain_at: datetime | None = None
    told_at: datetime | None = None
    demo: bool = False

    @property
    def runs(self) -> bool:
        """Whether it has not ended; a paused one has not."""
        return self.stopped_at is None


_CLOCK = tuple(each.name for each in fields(ClockRow))


async def seed(tx: Tx, now: datetime) -> bool:
    """Write the delivered policies and settings where there are none; True when they were missing."""
    if await tx.first(select(sla_settings.c.id)) is not None:
        return False
    await tx.execute(
        insert(sla_settings).values(
            id=_SETTINGS, version=1, chain=_chain_json(DELIVERED_CHAIN), head_id=None, tell=list(DELIVERED_TELL)
        )
    )
    for position, policy in enumerate(DELIVERED):
        await tx.execute(insert(sla_policies).values(id=policy.id, **_policy_values(policy, position, now)))
    return True


async def version(tx: Tx) -> int:
    """The number of the last edit; 0 when nothing was ever set up."""
    return int(await tx.scalar(select(sla_settings.c.version)) or 0)


async def bump(tx: Tx) -> None:
    """Let every gateway read policies, calendars and settings anew."""
    await tx.execute(update(sla_settings).values(version=sla_settings.c.version + 1))


async def settings(tx: Tx) -> SlaSettings:
    """The settings; nothing at all before `seed`."""
    row = await tx.first(select(sla_settings))
    if row is None:
        return SlaSettings(0, (), None, ())
    chain = tuple(Step(each["who"], int(each["after_s"])) for each in row.chain)
    return SlaSettings(row.version, chain, row.head_id, tuple(row.tell))


async def save_settings(tx: Tx, *, chain: Sequence[Step], head_id: str | None, tell: Sequence[str]) -> None:
    """Overwrite chain, head and what customers are told of."""
    values = {"chain": _chain_json(chain), "head_id": head_id, "tell": list(tell)}
    await tx.execute(update(sla_settings).values(**values, version=sla_settings.c.version + 1))


async def policies(tx: Tx) -> list[Policy]:
    """All policies in their order, switched-off ones too."""
    return [_policy(row) for row in await tx.all(select(sla_policies).order_by(sla_policies.c.position))]


async def save_policy(tx: Tx, policy: Policy, now: datetime) -> None:
    """Overwrite a policy, or add it in front of all others: what is added is special."""
    values = _policy_values(policy, 0, now)
    position = values.pop("position")
    if not await tx.count(update(sla_policies).where(sla_policies.c.id == policy.id).values(**values)):
        await tx.execute(update(sla_policies).values(position=sla_policies.c.position + 1))
        await tx.execute(insert(sla_policies).values(id=policy.id, position=position, **values))
    await bump(tx)


async def remove_policy(tx: Tx, policy_id: str) -> bool:
    """Remove a policy; False when there is none."""
    removed = await tx.count(delete(sla_policies).where(sla_policies.c.id == policy_id))
    await bump(tx)
    return removed > 0


async def order_policies(tx: Tx, ids: Sequence[str]) -> None:
    """Put the policies into this order."""
    for position, policy_id in enumerate(ids):
        await tx.execute(update(sla_policies).where(sla_policies.c.id == policy_id).values(position=position))
    await bump(tx)


async def clocks_of(tx: Tx, ticket_ids: Sequence[str]) -> dict[str, list[ClockRow]]:
    """The stored clocks of some tickets, by ticket."""
    found: dict[str, list[ClockRow]] = {each: [] for each in ticket_ids}
    query = select(sla_clocks).where(sla_clocks.c.ticket_id.in_(ticket_ids)).order_by(sla_clocks.c.started_at)
    for row in await tx.all(query):
        found[row.ticket_id].append(ClockRow(**row._mapping))
    return found


async def add_clocks(tx: Tx, rows: Iterable[ClockRow]) -> None:
    """Write new clocks."""
    values = [{name: getattr(row, name) for name in _CLOCK} for row in rows]
    if values:
        await tx.execute(insert(sla_clocks), values)


async def set_clock(tx: Tx, clock_id: str, **values: Any) -> None:
    """Change columns of one clock."""
    await tx.execute(update(sla_clocks).where(sla_clocks.c.id == clock_id).values(**values))


def new_clock_id() -> str:
    return new_id("clk")


def differing(old: ClockRow, new: ClockRow) -> dict[str, Any]:
    """The columns in which two forms of one clock differ."""
    return {name: getattr(new, name) for name in _CLOCK if getattr(new, name) != getattr(old, name)}


def _policy_values(policy: Policy, position: int, now: datetime) -> dict[str, Any]:
    match = policy.match
    return {
        "name": policy.name,
        "position": position,
        "enabled": policy.enabled,
        "match": {
            "categories": list(match.categories),
            "priorities": list(match.priorities),
            "channels": list(match.channels),
            "levels": list(match.levels),
            "tiers": list(match.tiers),
        },
        "limits": limits_json(policy),
        "calendar_id": policy.calendar_id,
        "updated_at": now,
    }


def _policy(row: Row[Any]) -> Policy:
    match: Mapping[str, Sequence[Any]] = row.match
    limits: dict[Any, Limit] = limits_of(row.limits)
    return Policy(
        id=row.id,
        name=row.name,
        match=Match(**{name: tuple(values) for name, values in match.items()}),
        limits=limits,
        calendar_id=row.calendar_id,
        enabled=row.enabled,
    )


def _chain_json(chain: Iterable[Step]) -> list[dict[str, Any]]:
    return [{"who": step.who, "after_s": step.after_s} for step in chain]
