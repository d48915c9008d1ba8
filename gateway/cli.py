"""The command line: `frontline …`."""

from __future__ import annotations

import asyncio
import getpass
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer
from dotenv import load_dotenv

from core.errors import FrontlineError
from core.log import set_up_logging
from core.people.roles import Role
from core.schema import migrate, newest, revision_of
from core.settings import BadSettings, Settings, read_settings
from gateway.launch.joined import joined
from gateway.version import VERSION

T = TypeVar("T")

app = typer.Typer(no_args_is_help=True, add_completion=False, help="The customer-service front line.")
accounts = typer.Typer(no_args_is_help=True, help="Accounts of staff.")
keys = typer.Typer(no_args_is_help=True, help="API keys of programs.")
database = typer.Typer(no_args_is_help=True, help="The database's schema.")
matters = typer.Typer(no_args_is_help=True, help="Tickets.")
figures = typer.Typer(no_args_is_help=True, help="Figures.")
demo = typer.Typer(no_args_is_help=True, help="Demo data and demo customers (demo mode only).")
app.add_typer(accounts, name="account")
app.add_typer(keys, name="keys")
app.add_typer(database, name="db")
app.add_typer(demo, name="demo")
app.add_typer(figures, name="figures")
app.add_typer(matters, name="tickets")

_FAILED = 1


def _settings(*, join: bool = True) -> Settings:
    """The settings; `join` completes them with what a running `frontline run` of the folder decided."""
    load_dotenv()
    try:
        return joined(read_settings()) if join else read_settings()
    except (BadSettings, OSError) as exc:
        _say_and_leave(str(exc))


def _say_and_leave(text: str) -> NoReturn:
    print(f"frontline: {text}", file=sys.stderr)
    raise typer.Exit(_FAILED)


def _with_parts(settings: Settings, work: Callable[[Any], Awaitable[T]]) -> T:
    """Run `work` with the wired parts but no loops and no server; errors become one line."""
    from gateway.app import build, close  # Wiring imports everything; `frontline --help` should not.

    # A command says its own result; only what went wrong is worth a line of log.
    set_up_logging("WARNING")

    async def run() -> T:
        await migrate(settings.database)
        services, _ = await build(settings, serving=False)
        try:
            return await work(services)
        finally:
            await close(services)

    try:
        return asyncio.run(run())
    except FrontlineError as exc:
        _say_and_leave(exc.detail or exc.code)


@app.command()
def version() -> None:
    """Show the version and the schema it needs."""
    print(f"frontline {VERSION} (schema {newest()})")


@app.command()
def run() -> None:
    """Run everything: Redis, encoder, assistant, gateways. Ctrl-C stops all of it."""
    from gateway.run import run as run_all

    sys.exit(run_all(_settings(join=False)))


@app.command()
def gateway() -> None:
    """Run one gateway; the other parts must run already or come later."""
    from gateway.app import serve
    from gateway.single import AlreadyRunning

    settings = _settings()
    set_up_logging(settings.log_level)
    try:
        asyncio.run(serve(settings))
    except AlreadyRunning as exc:
        _say_and_leave(str(exc))


@app.command()
def encoder() -> None:
    """Run the encoder of this machine."""
    from gateway.run import exec_encoder

    exec_encoder(_settings())


@app.command()
def train() -> None:
    """Train the assistant when its data changed since the last time."""
    from gateway.run import train_assistant

    sys.exit(train_assistant(_settings()))


@app.command()
def backup(target: Annotated[Path, typer.Argument(help="Folder to write the backup into; made if missing.")]) -> None:
    """Write database, files and (apart) keys into a folder; safe while everything runs."""
    from gateway.backup import write_backup

    print(asyncio.run(write_backup(_settings(), target)))


@app.command()
def restore(
    source: Annotated[Path, typer.Argument(help="Folder of a backup.")],
    keys_file: Annotated[Path | None, typer.Option("--keys", help="The backup's keys, kept apart.")] = None,
) -> None:
    """Bring a backup back into an empty data folder, and erase again who was erased since."""
    from gateway.backup import RestoreRefused, restore_backup

    try:
        print(asyncio.run(restore_backup(_settings(), source, keys_file)))
    except RestoreRefused as exc:
        _say_and_leave(str(exc))


@database.command("upgrade")
def db_upgrade() -> None:
    """Bring the database to this release's schema (every start does so too)."""
    print(f"schema {asyncio.run(migrate(_settings().database))}")


@database.command("current")
def db_current() -> None:
    """Show the schema the database has, and the one this release wants."""
    print(f"has {asyncio.run(revision_of(_settings().database))}, wants {newest()}")


@accounts.command("add")
def account_add(
    name: Annotated[str, typer.Argument(help="Log-in name.")],
    display_name: Annotated[str, typer.Option(help="Name that customers and colleagues see.")] = "",
    role: Annotated[list[Role] | None, typer.Option(help="May be given several times.")] = None,
    team: Annotated[list[str] | None, typer.Option(help="Team id; may be given several times.")] = None,
) -> None:
    """Add an account; the password is asked for (or read from standard input when that is not a terminal)."""
    from gateway.http.staff import create_account

    password = getpass.getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")

    async def work(parts: Any) -> str:
        return await create_account(
            parts,
            name=name,
            display_name=display_name or name,
            password=password,
            roles=[each.value for each in (role or [Role.ADMIN])],
            team_ids=team or [],
            skills=[],
            by="cli",
            must_change=False,
        )

    print(_with_parts(_settings(), work))


@accounts.command("list")
def account_list() -> None:
    """List the accounts."""
    from sqlalchemy import select

    from core.people.tables import staff

    async def work(parts: Any) -> None:
        async with parts.db.read() as tx:
            for row in await tx.all(select(staff).order_by(staff.c.name)):
                state = "disabled" if row.disabled_at else "active"
                print(f"{row.name}\t{row.display_name}\t{','.join(row.roles)}\t{state}")

    _with_parts(_settings(), work)


def _account_change(name: str, change: Callable[[Any, Any, str], Awaitable[None]]) -> None:
    from sqlalchemy import select

    from core.errors import NotFound
    from core.people.tables import staff

    async def work(parts: Any) -> None:
        async with parts.db.begin() as tx:
            staff_id = await tx.scalar(select(staff.c.id).where(staff.c.name == name.strip().lower()))
            if staff_id is None:
                raise NotFound(f"no account {name}")
            await change(parts, tx, staff_id)

    _with_parts(_settings(), work)


@accounts.command("disable")
def account_disable(name: str) -> None:
    """Disable an account; its sessions and sockets close."""
    _account_change(name, lambda parts, tx, staff_id: parts.auth.set_disabled(tx, staff_id, True, by="cli"))


@accounts.command("enable")
def account_enable(name: str) -> None:
    """Enable an account again."""
    _account_change(name, lambda parts, tx, staff_id: parts.auth.set_disabled(tx, staff_id, False, by="cli"))


@accounts.command("password")
def account_password(name: str) -> None:
    """Set a new password (asked for, or read from standard input)."""
    password = getpass.getpass("New password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")

    async def change(parts: Any, tx: Any, staff_id: str) -> None:
        await parts.auth.set_password(tx, staff_id, await parts.auth.hash(password), by="cli")

    _account_change(name, change)


@keys.command("add")
def keys_add(
    name: Annotated[str, typer.Argument(help="What the key is for.")],
    role: Annotated[Role, typer.Option(help="What it may do.")] = Role.AGENT,
) -> None:
    """Make an API key; it is shown once and stored hashed."""

    async def work(parts: Any) -> str:
        return str((await parts.auth.add_key(name, role, by="cli"))[1])

    print(_with_parts(_settings(), work))


@keys.command("revoke")
def keys_revoke(key_id: str) -> None:
    """Make a key useless at once."""

    async def work(parts: Any) -> None:
        await parts.auth.revoke_key(key_id, by="cli")

    _with_parts(_settings(), work)


@app.command("import")
def import_things(
    what: Annotated[str, typer.Argument(help="`articles` or `tickets`; a file alone is one of articles.")],
    path: Annotated[Path | None, typer.Argument(help="YAML or JSON of articles, or a CSV of tickets.")] = None,
    publish: Annotated[bool, typer.Option(help="Articles: release them at once.")] = False,
    dry_run: Annotated[bool, typer.Option(help="Tickets: only say what would happen.")] = False,
) -> None:
    """Import articles into the knowledge base (known keys get a new draft), or tickets (each row once)."""
    from gateway import import_articles, import_tickets

    if path is None:
        what, path = "articles", Path(what)
    file = path

    async def work(parts: Any) -> str:
        if what == "tickets":
            return await import_tickets.import_file(parts, file, dry_run=dry_run)
        return await import_articles.import_file(parts, file, publish=publish)

    if what not in ("articles", "tickets"):
        _say_and_leave(f"import what? articles or tickets, not {what}")
    print(_with_parts(_settings(), work))


@app.command("audit-verify")
def audit_verify() -> None:
    """Check the audit chain; names the first record that was changed, removed or put in."""

    async def work(parts: Any) -> int | None:
        return await parts.audit.first_bad(parts.db)  # type: ignore[no-any-return]

    bad = _with_parts(_settings(), work)
    if bad is not None:
        _say_and_leave(f"the audit chain breaks at record {bad}")
    print("the audit chain is whole")


@figures.command("rebuild")
def figures_rebuild() -> None:
    """Count the facts of every ticket anew from what happened; pages go on with the old ones meanwhile."""

    async def work(parts: Any) -> int:
        return int(await parts.figures.rebuild())

    print(f"counted {_with_parts(_settings(), work)} tickets")


@matters.command("train-classifier")
def train_classifier(
    activate: Annotated[bool, typer.Option(help="Let the new version sort when it is not worse.")] = True,
) -> None:
    """Learn from the tickets that people sorted, and report what the new version says of what it had not seen."""
    from gateway.train_classifier import train

    print(_with_parts(_settings(), lambda parts: train(parts, activate=activate)))


def _demo_settings() -> Settings:
    settings = _settings()
    if not settings.demo:
        _say_and_leave("this is for demo mode only; set FRONTLINE_DEMO=1")
    return settings


@demo.command("history")
def demo_history() -> None:
    """Make the history of 90 days, unless it is there."""
    from gateway.demo.history import make_history

    print(_with_parts(_demo_settings(), make_history))


@demo.command("customers")
def demo_customers(count: Annotated[int, typer.Option(min=1, max=200)] = 5) -> None:
    """Write to the running system as invented customers."""
    from gateway.demo.customers import play_customers

    print(asyncio.run(play_customers(_demo_settings(), count)))


@demo.command("clear")
def demo_clear() -> None:
    """Remove everything that the demo made."""
    from gateway.demo.clear import clear_demo

    print(_with_parts(_demo_settings(), clear_demo))


if __name__ == "__main__":
    app()
