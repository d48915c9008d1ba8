"""Statements that are built once say and find the same as SQLAlchemy does by itself, on both databases."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import and_, bindparam, select, update
from sqlalchemy.exc import IntegrityError

from bot.store.messages import first_delivery
from bot.tables import channels, customers, episodes
from bot.types import Delivery
from core.clock import UTC
from core.db import Database
from core.sealing import SealingKey, sealing
from core.statements import Changes, Insertion, Shape, Statement

NOON = datetime(2026, 11, 21, 4, 0, 0, 250, tzinfo=UTC)
INSERT = Insertion(customers)
BY_ID = Statement(select(customers).where(customers.c.id == bindparam("id")))
THIS = customers.c.id == bindparam("row_id")
CHANGE = Changes(customers, THIS)


def person(customer_id: str = "cus_1", **values: Any) -> dict[str, Any]:
    return {"id": customer_id, "profile": {"city": "杭州", "n": [1, None]}, "tags": [], "created_at": NOON, **values}


async def test_what_is_written_is_read_by_either_way(any_db: Database) -> None:
    """Times in other zones, JSON, sealed words, nulls and defaults."""
    beijing = NOON.astimezone(timezone(timedelta(hours=8)))
    async with any_db.begin() as tx:
        await INSERT.write(tx, **person(name="小满 🌊", contact_consent_at=beijing, demo=True))
    async with any_db.read() as tx:
        ours = await BY_ID.first(tx, id="cus_1")
        theirs = await tx.first(select(customers))
        many = await BY_ID.all(tx, id="cus_1")
        nobody = await BY_ID.first(tx, id="cus_2")
    assert ours is not None
    assert theirs is not None
    assert tuple(ours) == tuple(theirs)
    assert [tuple(each) for each in many] == [tuple(theirs)]
    assert nobody is None
    assert (theirs.name, theirs.level, theirs.phone, theirs.demo) == ("小满 🌊", "", None, True)
    assert theirs.profile == {"city": "杭州", "n": [1, None]}
    assert theirs.contact_consent_at == theirs.created_at == NOON
    assert theirs.created_at.utcoffset() == timedelta(0)


async def test_a_key_in_force_seals_here_too(any_db: Database) -> None:
    with sealing(SealingKey("k1", b"1" * 32)):
        async with any_db.begin() as tx:
            await INSERT.write(tx, **person(name="秘密"))
            row = await BY_ID.first(tx, id="cus_1")
    assert row is not None
    assert row[1] == "秘密"
    async with any_db.read() as tx:
        stored = (await tx.connection.exec_driver_sql("SELECT name FROM customers")).scalar()
    assert str(stored).startswith("!k1:")


async def test_changes_count_the_rows_and_touch_only_what_is_named(any_db: Database) -> None:
    async with any_db.begin() as tx:
        await INSERT.write(tx, **person(name="甲", level="VIP"))
        assert await CHANGE.write(tx, {"name": "乙", "tags": [{"tag": "x"}]}, row_id="cus_1") == 1
        assert await CHANGE.write(tx, {"tags": [], "name": "丙"}, row_id="cus_1") == 1
        assert await CHANGE.write(tx, {"name": "丁"}, row_id="cus_2") == 0
        row = await tx.first(select(customers))
    assert row is not None
    assert (row.name, row.level, row.tags) == ("丙", "VIP", [])


async def test_constants_lists_and_expressions_stand_in_the_statement(any_db: Database) -> None:
    grown = Statement(
        update(customers)
        .where(and_(customers.c.level.in_(("VIP", "SVIP")), customers.c.demo.is_(False)))
        .values(level=customers.c.level + bindparam("more"), email="a@example.com")
        .returning(customers.c.id, customers.c.level)
    )
    async with any_db.begin() as tx:
        for number, level in enumerate(("", "VIP", "SVIP")):
            await INSERT.write(tx, **person(f"cus_{number}", level=level))
        found = sorted(tuple(row) for row in await grown.all(tx, more="+"))
        assert await grown.count(tx, more="+") == 0
        mails = [row.email for row in await tx.all(select(customers).order_by(customers.c.id))]
    assert found == [("cus_1", "VIP+"), ("cus_2", "SVIP+")]
    assert mails == [None, "a@example.com", "a@example.com"]


async def test_a_double_is_refused_with_the_usual_error(any_db: Database) -> None:
    async def twice() -> None:
        async with any_db.begin() as tx:
            await INSERT.write(tx, **person())
            await INSERT.write(tx, **person())

    with pytest.raises(IntegrityError):
        await twice()
    async with any_db.read() as tx:
        assert await BY_ID.all(tx, id="cus_1") == []


async def test_a_naive_time_is_refused(any_db: Database) -> None:
    async with any_db.begin() as tx:
        with pytest.raises(Exception, match="aware"):
            await INSERT.write(tx, **person(contact_consent_at=NOON.replace(tzinfo=None)))


async def test_a_name_that_the_statement_does_not_have_is_an_error(db: Database) -> None:
    async with db.begin() as tx:
        with pytest.raises(TypeError):
            await INSERT.write(tx, **person(nickname="x"))
        with pytest.raises(TypeError):
            await BY_ID.first(tx)
        with pytest.raises(AssertionError):
            await CHANGE.write(tx, {"nickname": "x"}, row_id="cus_1")


@dataclass(frozen=True, slots=True)
class Kind:
    """Of a channel, with a field of another name and one that is converted."""

    id: str
    account: str
    sites: tuple[str, ...]
    first: Delivery


async def test_rows_become_values_wherever_they_stand(any_db: Database) -> None:
    shape = Shape(
        Kind, channels, named={"account": "key", "first": "kind"}, convert={"sites": tuple, "first": first_delivery}
    )
    joined = Statement(
        select(*shape.columns, episodes.c.id, *shape.columns).outerjoin(episodes, episodes.c.id == channels.c.id)
    )
    async with any_db.begin() as tx:
        await Insertion(channels).write(
            tx, id="chn_1", key="k", kind="wechat", name="n", sites=["a", "b"], config="{}", profile={}, created_at=NOON
        )
        row = await joined.first(tx)
    assert row is not None
    expected = Kind("chn_1", "k", ("a", "b"), Delivery.PENDING)
    assert (shape.value(row), row[4], shape.value(row, 5)) == (expected, None, expected)
