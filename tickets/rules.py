"""Rules of work that an admin may change: limits of compensation by role, how soon a step of the house is due."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select

from core.db import Tx
from core.errors import Invalid
from tickets.steps import DEFAULT_HOURS
from tickets.tables import work_rules

COMPENSATION_KINDS = ("membership_days", "coupon", "refund", "other")
ROLES = ("agent", "expert", "supervisor")
# Days, and hundredths of the currency.
DEFAULT_LIMITS: Mapping[str, Mapping[str, int]] = {
    "agent": {"membership_days": 7, "coupon": 2_000, "refund": 5_000, "other": 0},
    "expert": {"membership_days": 31, "coupon": 10_000, "refund": 30_000, "other": 5_000},
    "supervisor": {"membership_days": 366, "coupon": 50_000, "refund": 200_000, "other": 50_000},
}
_MOST = 100_000_000
_MOST_HOURS = 720


@dataclass(frozen=True, slots=True)
class Rules:
    """All of them, as they are now."""

    limits: Mapping[str, Mapping[str, int]]
    step_hours: Mapping[str, float]

    def limit(self, roles: Collection[str], kind: str) -> int:
        """How much somebody with these roles may give of this kind on one ticket without asking."""
        return max((self.limits.get(role, {}).get(kind, 0) for role in roles), default=0)

    def hours(self, priority: int) -> float:
        """Working hours until a step of the house is due."""
        return float(self.step_hours.get(str(priority), DEFAULT_HOURS["3"]))


DELIVERED = Rules(DEFAULT_LIMITS, DEFAULT_HOURS)


async def load(tx: Tx) -> Rules:
    """The rules as they are now; what nobody changed is as delivered."""
    own = {row.key: row.value for row in await tx.all(select(work_rules.c.key, work_rules.c.value))}
    limits = {role: {**DEFAULT_LIMITS[role], **own.get("compensation", {}).get(role, {})} for role in ROLES}
    return Rules(limits, {**DEFAULT_HOURS, **own.get("next_step", {})})


async def save(
    tx: Tx, *, limits: Mapping[str, Mapping[str, int]], step_hours: Mapping[str, float], by: str, now: datetime
) -> Rules:
    """Write both. Raises Invalid for unknown roles and kinds, and for numbers out of range."""
    for role, kinds in limits.items():
        if role not in ROLES or set(kinds) - set(COMPENSATION_KINDS):
            raise Invalid("limits")
        if any(not 0 <= amount <= _MOST for amount in kinds.values()):
            raise Invalid("limits", text_id="error.limit_range")
    if set(step_hours) - set(DEFAULT_HOURS) or any(not 0 < each <= _MOST_HOURS for each in step_hours.values()):
        raise Invalid("step_hours", text_id="error.step_hours_range")
    wanted: dict[str, Any] = {"compensation": {role: dict(kinds) for role, kinds in limits.items()}}
    wanted["next_step"] = dict(step_hours)
    for key, value in wanted.items():
        await tx.execute(delete(work_rules).where(work_rules.c.key == key))
        await tx.execute(insert(work_rules).values(key=key, value=value, changed_by=by, changed_at=now))
    return await load(tx)


__all__ = ["COMPENSATION_KINDS", "DELIVERED", "ROLES", "Rules", "load", "save"]
