"""Targets: the delivered ones, and what supervisors set in their place."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, insert, select

from core.db import Tx
from core.errors import Invalid, NotFound
from tickets.figures.definitions import BY_ID, FIGURES, Better, Unit
from tickets.figures.tables import figure_targets

_MOST = {Unit.SHARE: 1.0, Unit.SCORE: 100.0, Unit.SECONDS: 31_536_000.0, Unit.COUNT: 1e9}


@dataclass(frozen=True, slots=True)
class Target:
    """What a figure should reach; None: nothing is asked of it. `own`: somebody here set it."""

    value: float | None
    own: bool


async def load(tx: Tx) -> dict[str, Target]:
    """The target of every figure."""
    own = {row.figure: row.target for row in await tx.all(select(figure_targets))}
    return {
        each.id: Target(own[each.id], own=True) if each.id in own else Target(each.target, own=False)
        for each in FIGURES
    }


async def put(tx: Tx, figure_id: str, value: float | None, *, by: str, now: datetime) -> None:
    """Set a target of our own, or with None: that this figure shall have none.

    Raises NotFound for an unknown figure, Invalid for a value it cannot have.
    """
    figure = BY_ID.get(figure_id)
    if figure is None:
        raise NotFound("figure")
    if figure.better is Better.NEITHER:
        raise Invalid("has no direction", text_id="error.figure_without_direction")
    if value is not None:
        least = -100.0 if figure.unit is Unit.SCORE else 0.0
        if not math.isfinite(value) or not least <= value <= _MOST[figure.unit]:
            raise Invalid("target", text_id="error.figure_target")
    await tx.execute(delete(figure_targets).where(figure_targets.c.figure == figure_id))
    await tx.execute(insert(figure_targets).values(figure=figure_id, target=value, set_by=by, set_at=now))


async def reset(tx: Tx, figure_id: str) -> None:
    """Go back to the delivered target. Raises NotFound for an unknown figure."""
    if figure_id not in BY_ID:
        raise NotFound("figure")
    await tx.execute(delete(figure_targets).where(figure_targets.c.figure == figure_id))
