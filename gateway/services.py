"""Everything a handler may need, wired once in `app.py` and handed to it through the request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from aiohttp import ClientSession
    from redis.asyncio import Redis

    from bot.assistant import RasaAssistant
    from bot.conversation import Conversations
    from bot.intake import Intake
    from bot.media import MediaLoop
    from bot.outbox import DeliveryLoop
    from bot.turns import Turns
    from connectors.registry import Connectors
    from connectors.web.connector import WebConnector
    from core.audit import Audit
    from core.clock import Clock
    from core.counters import Counters
    from core.db import Database
    from core.encoder import EncoderClient
    from core.fanout import Fanout
    from core.files import Files
    from core.jobs import Jobs
    from core.messages import Catalogue
    from core.people.store import PeopleStore
    from core.secrets import Secrets
    from core.settings import Settings
    from core.webhooks import Webhooks
    from gateway.auth.service import Auth
    from gateway.health import Health
    from gateway.limits import Limits
    from handoff.service import HandoffService
    from knowledge_base.service import KnowledgeBase
    from tickets.figures.service import Figures
    from tickets.intake.imports import Imports
    from tickets.privacy.service import Privacy
    from tickets.service import Tickets
    from tickets.views import Views


@dataclass(slots=True)
class Services:
    """The parts of one gateway. Built in order of the imports; nothing is optional but Redis."""

    settings: Settings
    clock: Clock
    db: Database
    redis: Redis
    fanout: Fanout
    secrets: Secrets
    texts: Catalogue
    files: Files
    audit: Audit
    jobs: Jobs
    people: PeopleStore
    auth: Auth
    limits: Limits
    encoder: EncoderClient
    assistant: RasaAssistant
    knowledge: KnowledgeBase
    tickets: Tickets
    imports: Imports
    webhooks: Webhooks
    figures: Figures
    privacy: Privacy
    views: Views
    handoffs: HandoffService
    connectors: Connectors
    web: WebConnector
    conversations: Conversations
    intake: Intake
    turns: Turns
    delivery: DeliveryLoop
    media: MediaLoop
    session: ClientSession
    counters: Counters
    health: Health


SERVICES = web.AppKey("services", Services)


def services(request: web.BaseRequest) -> Services:
    """The services of the gateway that serves this request."""
    assert isinstance(request, web.Request)
    return request.app[SERVICES]
