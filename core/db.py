"""The database: one MetaData, one engine, and transactions that cannot be opened by accident.

SQLite runs in WAL mode. Transactions that may write begin with BEGIN IMMEDIATE, since a plain BEGIN that turns
into a write fails at once when another writer was quicker; inside one process they also queue on a lock, so
that the busy time-out is only ever used against other processes. Reads run beside them on their own connections.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import structlog
from sqlalchemy import Connection, MetaData, event
from sqlalchemy.engine import CursorResult, Row
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.sql import Executable

from core import sqlite_driver
from core.errors import DatabaseUnavailable
from core.sqlite_driver import BEGIN_WRITE, creator

log = structlog.get_logger(__name__)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

# Longer than any write transaction of ours, shorter than a person's patience.
_SQLITE_BUSY_MS = 5_000
_LOCK_WAIT_S = 8.0


def _to_json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


_JSON: dict[str, Any] = {"json_serializer": _to_json, "json_deserializer": msgspec.json.decode}


class Tx:
    """One open transaction. Never keep it over a wait on the network, never use it after its block."""

    def __init__(self, connection: AsyncConnection) -> None:
        self.connection = connection
        self.sqlite = _sqlite_under(connection)
        self._after_commit: list[Callable[[], None]] = []

    async def execute(self, statement: Executable, parameters: Any = None) -> CursorResult[Any]:
        return await self.connection.execute(statement, parameters)

    async def all(self, statement: Executable) -> list[Row[Any]]:
        return list((await self.connection.execute(statement)).all())

    async def first(self, statement: Executable) -> Row[Any] | None:
        return (await self.connection.execute(statement)).first()

    async def scalar(self, statement: Executable) -> Any:
        return (await self.connection.execute(statement)).scalar()

    async def count(self, statement: Executable) -> int:
        """Execute an UPDATE or DELETE and return how many rows it touched."""
        return (await self.connection.execute(statement)).rowcount

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Run `callback` once the transaction stands. It is not run when the transaction is rolled back.

        Used for wake-ups and fan-out, which may be lost in a crash: whoever waits also looks by itself.
        """
        self._after_commit.append(callback)

    def run_callbacks(self) -> None:
        for callback in self._after_commit:
            try:
                callback()
            except Exception:
                log.exception("db.after_commit_failed")


def _sqlite_under(connection: AsyncConnection) -> sqlite_driver.Connection | None:
    """The SQLite connection, for statements that need nothing of SQLAlchemy any more; None on other databases."""
    if connection.dialect.name != "sqlite":
        return None
    assert connection.sync_connection is not None
    found: sqlite_driver.Connection | None = connection.sync_connection.connection.driver_connection
    return found


class Database:
    """The engine and the two ways to open a transaction."""

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 10,
        echo: bool = False,
        busy_ms: int = _SQLITE_BUSY_MS,
        inline: bool = False,
    ) -> None:
        """`inline` runs SQLite where it is called: for tools that have the process to themselves."""
        self.url = url
        self.sqlite = url.startswith("sqlite")
        self.engine = create_engine(url, pool_size, echo, busy_ms, inline)
        self.can_write = True  # Whether the last transaction that may write found a database that could.
        self._writer = asyncio.Lock() if self.sqlite else None

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Tx]:
        """Open a transaction that may write; commit at the end of the block, roll back on any exception.

        Raises DatabaseUnavailable when the database is locked, full or gone; nothing is half done then.
        """
        try:
            async with self._open(write=True) as tx:
                yield tx
        except DatabaseUnavailable:
            self.can_write = False
            raise
        self.can_write = True
        tx.run_callbacks()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Tx]:
        """Open a transaction that only reads; it sees one moment and holds no lock."""
        async with self._open(write=False) as tx:
            yield tx

    @asynccontextmanager
    async def _open(self, *, write: bool) -> AsyncIterator[Tx]:
        locked = False
        if write and self._writer is not None:
            try:
                async with asyncio.timeout(_LOCK_WAIT_S):
                    await self._writer.acquire()
            except TimeoutError as exc:
                raise DatabaseUnavailable("writer lock") from exc
            locked = True
        try:
            async with self.engine.connect() as connection:
                if write:
                    await connection.execution_options(frontline_write=True)
                async with connection.begin():
                    yield Tx(connection)
        except (OperationalError, InterfaceError) as exc:
            raise DatabaseUnavailable(type(exc.orig).__name__) from exc
        except DBAPIError as exc:
            if exc.connection_invalidated:
                raise DatabaseUnavailable("connection lost") from exc
            raise
        except (OSError, TimeoutError) as exc:
            if isinstance(exc, TimeoutError) and not isinstance(exc, OSError):
                raise
            raise DatabaseUnavailable(type(exc).__name__) from exc
        finally:
            if locked and self._writer is not None:
                self._writer.release()

    async def close(self) -> None:
        await self.engine.dispose()


def create_engine(
    url: str, pool_size: int = 10, echo: bool = False, busy_ms: int = _SQLITE_BUSY_MS, inline: bool = False
) -> AsyncEngine:
    """Make the engine with our way of beginning transactions; also for migrations and tools."""
    if not url.startswith("sqlite"):
        return create_async_engine(url, pool_size=pool_size, max_overflow=10, pool_pre_ping=True, echo=echo, **_JSON)
    options = {"timeout": busy_ms / 1000, "async_creator_fn": creator(inline=inline)}
    engine = create_async_engine(url, pool_size=pool_size, echo=echo, connect_args=options, **_JSON)
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # The driver's own transaction handling would begin too late and too weakly; we begin ourselves.
    connection.isolation_level = None
    cursor: sqlite3.Cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    write = connection.get_execution_options().get("frontline_write", False)
    connection.exec_driver_sql(BEGIN_WRITE if write else "BEGIN")
