"""An asynchronous SQLite connection that costs one trip to its thread per statement.

`aiosqlite` makes four (cursor, execute, fetch, close), and each of them may have to wait for the interpreter's lock
while the event loop computes. SQLAlchemy's dialect for it accepts any connection with the same methods, so this one
only takes its place: statements are executed and fetched whole in one go.

A transaction that writes runs in place between its begin and its commit: each trip to the thread and back through a
busy loop would be waited for by everybody else who wants to write, and its statements touch a few rows by their
keys. What may wait for the disk or for another process (the commit, a begin that finds the file locked, many rows
at once) still goes to the thread.

With `inline` there is no thread at all: statements run where they are called. That is for tools that have the
process to themselves (migrations, the demo's history); a gateway never uses it.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Any, TypeVar

# What a transaction that writes begins with; no other one runs in place.
BEGIN_WRITE = "BEGIN IMMEDIATE"

# All that the product says often; the standard 128 would be parsed over and over.
_KEPT_STATEMENTS = 512

T = TypeVar("T")
_Work = tuple[asyncio.AbstractEventLoop, "asyncio.Future[Any]", Callable[[], Any]]


class Cursor:
    """The rows of one statement, fetched already; closing costs nothing."""

    arraysize = 1

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rows: list[Any] = []
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None

    async def __aenter__(self) -> Cursor:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Cursor:
        """Execute and fetch."""
        connection = self._connection
        if sql == BEGIN_WRITE:
            await connection.begin_write()
        elif connection.writing:
            self._execute(sql, parameters)
        else:
            await connection.run(lambda: self._execute(sql, parameters))
        return self

    async def executemany(self, sql: str, parameters: Sequence[Sequence[Any]]) -> Cursor:
        """Execute once per row of parameters."""

        def work() -> None:
            cursor = self._connection.raw.executemany(sql, parameters)
            self.description, self.rowcount, self.lastrowid = cursor.description, cursor.rowcount, cursor.lastrowid
            cursor.close()

        await self._connection.run(work)
        return self

    def _execute(self, sql: str, parameters: Sequence[Any]) -> None:
        cursor = self._connection.raw.execute(sql, parameters)
        self.description = cursor.description
        self._rows = cursor.fetchall() if cursor.description else []
        # An UPDATE … RETURNING knows its count only once it was fetched.
        self.rowcount, self.lastrowid = cursor.rowcount, cursor.lastrowid
        cursor.close()

    async def fetchall(self) -> list[Any]:
        """All rows."""
        rows, self._rows = self._rows, []
        return rows

    async def fetchone(self) -> Any:
        """The next row or None."""
        return self._rows.pop(0) if self._rows else None

    async def fetchmany(self, size: int = 1) -> list[Any]:
        """The next rows."""
        rows, self._rows = self._rows[:size], self._rows[size:]
        return rows

    async def close(self) -> None:
        """Nothing is held any more."""

    async def setinputsizes(self, *_: object) -> None:
        """SQLite needs none."""


class Connection:
    """One SQLite connection and its thread."""

    def __init__(self, raw: sqlite3.Connection, inline: bool) -> None:
        self.raw = raw
        self.writing = False
        self._inline = inline
        self._busy_ms = int(raw.execute("PRAGMA busy_timeout").fetchone()[0])
        self._work: SimpleQueue[_Work | None] = SimpleQueue()
        self._open = True
        if not inline:
            threading.Thread(target=self._serve, name="sqlite", daemon=True).start()

    # Names by which SQLAlchemy's dialect looks for these.
    @property
    def _connection(self) -> sqlite3.Connection | None:
        return self.raw if self._open else None

    @property
    def _conn(self) -> sqlite3.Connection:
        return self.raw

    @property
    def isolation_level(self) -> str | None:
        return self.raw.isolation_level

    @isolation_level.setter
    def isolation_level(self, value: str | None) -> None:
        self.raw.isolation_level = value  # type: ignore[assignment]  # the dialect passes None only

    @property
    def _tx(self) -> Any:
        return _Bridge(self)

    def cursor(self) -> Cursor:
        """A cursor; costs nothing until it executes."""
        return Cursor(self)

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Cursor:
        """Execute on a cursor of its own."""
        return await self.cursor().execute(sql, parameters)

    async def fetch(self, sql: str, parameters: Sequence[Any]) -> tuple[list[Any], int]:
        """Execute without a cursor in between: the rows, and how many were changed."""
        if self.writing:
            return self._fetch(sql, parameters)
        return await self.run(lambda: self._fetch(sql, parameters))

    def _fetch(self, sql: str, parameters: Sequence[Any]) -> tuple[list[Any], int]:
        cursor = self.raw.execute(sql, parameters)
        rows = cursor.fetchall()
        # An UPDATE … RETURNING knows its count only once it was fetched.
        touched = cursor.rowcount
        cursor.close()
        return rows, touched

    async def create_function(self, *arguments: Any, **options: Any) -> None:
        """Give SQLite a function of ours."""
        await self.run(lambda: self.raw.create_function(*arguments, **options))

    async def begin_write(self) -> None:
        """Begin to write: at once when the file is free, else by waiting for it on the thread."""
        if not self._begin_at_once():
            await self.run(lambda: self.raw.execute(BEGIN_WRITE).close())
        self.writing = True

    def _begin_at_once(self) -> bool:
        self.raw.execute("PRAGMA busy_timeout=0").close()
        try:
            self.raw.execute(BEGIN_WRITE).close()
        except sqlite3.OperationalError:
            return False  # Locked by another process, or worse; the second try will say what.
        finally:
            self.raw.execute(f"PRAGMA busy_timeout={self._busy_ms}").close()
        return True

    async def commit(self) -> None:
        """Commit."""
        self.writing = False
        await self.run(self.raw.commit)

    async def rollback(self) -> None:
        """Roll back."""
        self.writing = False
        await self.run(self.raw.rollback)

    async def close(self) -> None:
        """Close and end the thread; twice is harmless."""
        if self._open:
            self._open = False
            try:
                await self.run(self.raw.close)
            finally:
                self.stop()

    def stop(self) -> None:
        """End the thread without waiting for it; the connection closes with the last reference."""
        self._open = False
        self._work.put(None)

    async def run(self, work: Callable[[], T]) -> T:
        """Carry out `work` on the connection's thread. A cancelled caller does not stop it: the next one waits."""
        if self._inline:
            return work()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._work.put((loop, future, work))
        return await future

    def _serve(self) -> None:
        while (item := self._work.get()) is not None:
            loop, future, work = item
            try:
                result, error = work(), None
            except BaseException as exc:
                result, error = None, exc
            try:
                loop.call_soon_threadsafe(_settle, future, result, error)
            except RuntimeError:
                return  # The loop is gone, and with it everybody who waited.


def _settle(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if future.cancelled():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)


class _Bridge:
    """Takes the dialect's own (future, function) pairs; it sets the isolation level this way."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put_nowait(self, item: tuple[asyncio.Future[Any], Callable[[], Any]]) -> None:
        future, function = item
        _settle(future, function(), None)


def creator(*, inline: bool = False) -> Callable[..., Any]:
    """What `create_engine` hands to the dialect as `async_creator_fn`."""

    async def connect(database: str, **options: Any) -> Connection:
        # Opening touches the disk once; afterwards only the connection's own thread uses it.
        raw = await asyncio.to_thread(_open, database, options)
        return Connection(raw, inline)

    return connect


def _open(database: str, options: dict[str, Any]) -> sqlite3.Connection:
    options = {"cached_statements": _KEPT_STATEMENTS, **options, "check_same_thread": False}
    found: sqlite3.Connection = sqlite3.connect(database, **options)
    return found
