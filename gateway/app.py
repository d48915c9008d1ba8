"""The gateway: wires every part once, serves, and takes everything down in the opposite order.

Start-up waits for the database only. Everything else may still be starting when the first message is accepted;
`/health/ready` says what is.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from zoneinfo import ZoneInfo

import aiohttp
import structlog
from aiohttp import web
from redis.exceptions import RedisError

import gateway.keys as keys
from bot.assistant import RasaAssistant
from bot.conversation import Conversations
from bot.intake import Intake
from bot.media import MediaLoop
from bot.outbox import DeliveryLoop
from bot.turns import Turns
from connectors.registry import Connectors
from connectors.web.connector import WebConnector
from core.audit import Audit
from core.clock import SystemClock
from core.counters import Counters
from core.db import Database
from core.encoder import EncoderClient
from core.fanout import Fanout
from core.files import Files
from core.ids import new_id
from core.jobs import Jobs
from core.messages import Catalogue
from core.people.store import PeopleStore
from core.redis_client import connect
from core.schema import migrate
from core.secrets import load_secrets
from core.settings import Settings
from core.webhooks import Webhooks
from gateway.auth.passwords import Passwords
from gateway.auth.service import Auth
from gateway.auth.tokens import Tokens
from gateway.checks import add_checks
from gateway.demo.platforms.routes import PLATFORMS, Platforms
from gateway.health import Health
from gateway.http.kit import MAX_BODY_BYTES, outermost
from gateway.http.pages import ASSETS, Assets
from gateway.http.system import OPENAPI
from gateway.http.table import action_routes, add_routes, public_routes, shop_routes
from gateway.limits import Limits
from gateway.loops import Loops
from gateway.openapi import document
from gateway.own_texts import own_texts
from gateway.seed import seed_defaults
from gateway.services import SERVICES, Services
from gateway.single import single_gateway
from gateway.sorting_seeds import seeds as sorting_seeds
from gateway.version import VERSION
from handoff.service import HandoffService
from knowledge_base.service import KnowledgeBase
from tickets.figures.service import Figures
from tickets.hooks import Hooks
from tickets.intake.imports import Imports
from tickets.loop.notices import NoticeLoop
from tickets.privacy.service import Privacy
from tickets.service import Tickets
from tickets.views import Views

log = structlog.get_logger(__name__)

# A browser that sends its headers slower than this, or longer ones, is not one of ours.
_HEADER_LIMIT = 16_384
_SHUTDOWN_S = 5.0


async def build(settings: Settings, *, serving: bool = True) -> tuple[Services, Loops]:
    """Make all parts of one gateway. Nothing runs yet; `running` starts the loops.

    Not `serving`: for a command that has its process to itself, so that SQLite needs no thread.
    """
    clock = SystemClock(settings.clock_offset_s)
    secrets = load_secrets(settings.secrets_path)
    if not settings.action_token:
        settings = replace(settings, action_token=secrets.key("actions").hex())
    if not settings.rasa_token:
        settings = replace(settings, rasa_token=secrets.key("rasa").hex())
    name = new_id("gtw")
    db = Database(settings.database, inline=not serving)
    redis = connect(settings.redis_url)
    fanout = Fanout(redis, keys.events(), name)
    health = Health(VERSION)
    counters = Counters(health.registry)
    texts = Catalogue()
    audit = Audit(clock)
    files = Files(db, settings.data / "files", clock, settings.data_quota_mb)
    jobs = Jobs(db, clock, name)
    people = PeopleStore()
    tokens = Tokens(secrets, clock)
    auth = Auth(db, clock, tokens, Passwords(), audit, fanout)
    encoder = EncoderClient(str(settings.encoder_path))
    # Rasa is asked with our token only, on the addresses of the settings only.
    # It closes connections that were idle for five seconds, sometimes just as a question is sent; we let go before.
    connector = aiohttp.TCPConnector(keepalive_timeout=3.0)
    session = aiohttp.ClientSession(connector=connector, trust_env=False)
    assistant = RasaAssistant(session, settings.rasa_urls, settings.rasa_token, settings.rasa_timeout_s, counters)
    knowledge = KnowledgeBase(db, clock, encoder, fanout, settings, counters)
    tickets = Tickets(db, clock, fanout, jobs, texts, audit, tokens, people, settings)
    connectors = Connectors(db, clock, counters, files)
    handoffs = HandoffService(db, redis, clock, fanout, people, texts, tickets, counters)
    tickets.join(owners=handoffs, outbox=connectors)
    webhooks = Webhooks(db, clock, secrets, private=settings.webhook_private)
    tickets.add(Hooks(tickets.kit, webhooks))
    handoffs.watched_by(webhooks)
    tickets.sorting.join(encoder=encoder, seeds=sorting_seeds)
    conversations = Conversations(db, clock, settings, knowledge, handoffs, tickets, texts, fanout)
    turns = Turns(db, clock, settings, assistant, knowledge, handoffs, tickets, texts, fanout, counters, owner=name)
    intake = Intake(
        db, clock, settings, tickets, texts, fanout, turns.wake, counters, assistants=max(1, assistant.slots)
    )
    delivery = DeliveryLoop(db, clock, connectors, fanout, counters)
    media = MediaLoop(db, clock, connectors, files, fanout, counters)
    services = Services(
        settings=settings,
        clock=clock,
        db=db,
        redis=redis,
        fanout=fanout,
        secrets=secrets,
        texts=texts,
        files=files,
        audit=audit,
        jobs=jobs,
        people=people,
        auth=auth,
        limits=Limits(redis, keys.PREFIX),
        encoder=encoder,
        assistant=assistant,
        knowledge=knowledge,
        tickets=tickets,
        imports=Imports(db, clock, tickets, people, settings.timezone),
        webhooks=webhooks,
        figures=Figures(db, clock, texts, people, ZoneInfo(settings.timezone)),
        privacy=Privacy.over(db, clock, audit),
        views=Views(db, clock),
        handoffs=handoffs,
        connectors=connectors,
        web=WebConnector(db, tokens, intake, files),
        conversations=conversations,
        intake=intake,
        turns=turns,
        delivery=delivery,
        media=media,
        session=session,
        counters=counters,
        health=health,
    )
    add_checks(services)
    return services, Loops(health)


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Services]:
    """Migrate, wire, start the loops; on leaving stop them and close what is open."""
    settings.data.mkdir(parents=True, exist_ok=True)
    await migrate(settings.database)
    services, loops = await build(settings)
    await seed_defaults(services)
    for name, loop in (
        ("fanout", services.fanout.run),
        ("turns", services.turns.run),
        ("delivery", services.delivery.run),
        ("media", services.media.run),
        ("jobs", services.jobs.run),
        ("webhooks", services.webhooks.run),
        ("imports", services.imports.run),
        ("handoff", services.handoffs.run),
        ("knowledge", services.knowledge.run),
        ("conversations", services.conversations.run),
        ("sorting", services.tickets.sorting.run),
        ("figures", services.figures.run),
        ("robots", services.tickets.sla.robots.loop(services.session)),
        ("texts", own_texts(services)),
        ("notices", _notices(services).run),
    ):
        loops.start(name, loop)
    try:
        yield services
    finally:
        await loops.stop()
        await close(services)


def _notices(services: Services) -> NoticeLoop:
    return NoticeLoop(services.db, services.clock, services.settings, services.session, services.counters)


async def close(services: Services) -> None:
    """Close what `build` opened."""
    await services.session.close()
    await services.webhooks.close()
    await services.connectors.close()
    await services.encoder.close()
    with contextlib.suppress(RedisError, OSError):
        await services.redis.aclose()
    await services.db.close()


def application(services: Services, routes: object = None) -> web.Application:
    """The public application."""
    table = public_routes(services.settings.demo)
    app = web.Application(middlewares=[outermost], client_max_size=MAX_BODY_BYTES * 256)
    app[SERVICES] = services
    app[ASSETS] = Assets()
    app[OPENAPI] = document(table, VERSION)
    app[PLATFORMS] = Platforms()
    add_routes(app, table)
    return app


def _small_application(services: Services, routes: object) -> web.Application:
    app = web.Application(middlewares=[outermost])
    app[SERVICES] = services
    app[ASSETS] = Assets()
    add_routes(app, routes)  # type: ignore[arg-type]
    return app


async def serve(settings: Settings) -> None:
    """Run a gateway until SIGTERM or SIGINT. Raises AlreadyRunning on a second one over one SQLite folder."""
    with single_gateway(settings):
        async with running(settings) as services:
            runners = [(application(services), settings.bind_host, settings.port)]
            runners.append((_small_application(services, action_routes()), "127.0.0.1", settings.actions_port))
            if settings.demo:
                runners.append((_small_application(services, shop_routes()), "127.0.0.1", settings.shop_port))
            async with contextlib.AsyncExitStack() as stack:
                for app, host, port in runners:
                    await stack.enter_async_context(_listening(app, host, port, settings.gateways > 1))
                log.info("gateway.open", port=settings.port, pid=os.getpid(), version=VERSION)
                await _until_stopped()
                log.info("gateway.stopping")


@asynccontextmanager
async def _listening(app: web.Application, host: str, port: int, shared: bool) -> AsyncIterator[None]:
    runner = web.AppRunner(
        app,
        access_log=None,
        handle_signals=False,
        shutdown_timeout=_SHUTDOWN_S,
        max_line_size=_HEADER_LIMIT,
        max_field_size=_HEADER_LIMIT,
        handler_cancellation=False,
    )
    await runner.setup()
    try:
        # Several gateways of one machine share the port; the kernel spreads connections over them.
        await web.TCPSite(runner, host, port, reuse_port=shared).start()
        yield
    finally:
        await runner.cleanup()


async def _until_stopped() -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    await stopped.wait()
