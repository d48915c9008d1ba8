"""The REST channel of the contract: it asks for a token, tells errors as errors, and survives repeats.

Rasa's own has no token, answers 200 and an empty list when anything went wrong, and takes a repeated post for a second
message of the customer. The address and the shape of request and answer are the same.
"""

from __future__ import annotations

import hmac
import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any

from rasa.core.channels.channel import CollectingOutputChannel, InputChannel, UserMessage
from rasa.shared.core.events import BotUttered, UserUttered
from sanic import Blueprint, response
from sanic.request import Request
from sanic.response import HTTPResponse

from nlu.components import rasa_changes

log = logging.getLogger(__name__)

LONGEST_TEXT = 8000  # Twice the gateway's limit: normal forms may be longer than what was typed.
# Rasa does not decode the path of its tracker's address: other conversations could not be looked up.
_SENDER = re.compile(r"[A-Za-z0-9._:-]{1,128}")


class GatewayChannel(InputChannel):
    """Named "rest", so that the address is /webhooks/rest/webhook."""

    def __init__(self, token: str) -> None:
        self._header = f"Bearer {token}".encode()

    @classmethod
    def name(cls) -> str:
        return "rest"

    @classmethod
    def from_credentials(cls, credentials: dict[str, Any] | None) -> GatewayChannel:
        token = (credentials or {}).get("token")
        if not token:
            cls.raise_missing_credentials_exception()
        # This is the first code of ours that a starting server runs, before it opens its database.
        rasa_changes.apply()
        return cls(str(token))

    def blueprint(self, on_new_message: Callable[[UserMessage], Awaitable[Any]]) -> Blueprint:
        webhook = Blueprint("gateway_channel", "gateway_channel")

        @webhook.route("/webhook", methods=["POST"])
        async def receive(request: Request) -> HTTPResponse:
            given = request.headers.get("authorization", "").encode()
            if not hmac.compare_digest(given, self._header):
                return response.json({"error": "unauthorized"}, status=401)
            message = _message(request.json)
            if message is None:
                return response.json({"error": "invalid"}, status=422)
            agent = getattr(request.app.ctx, "agent", None)
            if agent is None or not agent.is_ready():
                return response.json({"error": "no_model"}, status=503)
            try:
                recorded = await _recorded(agent, message)
                if recorded is not None:
                    return response.json(recorded, headers={"X-Frontline-Replayed": "1"})
                await on_new_message(message)
            except Exception:
                log.exception("assistant.turn_failed")
                return response.json({"error": "turn_failed"}, status=500)
            return response.json(message.output_channel.messages)

        return webhook


def _message(body: Any) -> UserMessage | None:
    if not isinstance(body, dict):
        return None
    sender, text, metadata = body.get("sender"), body.get("message"), body.get("metadata")
    if not isinstance(sender, str) or not isinstance(text, str) or not isinstance(metadata, dict):
        return None
    if not _SENDER.fullmatch(sender):
        return None
    if not text.strip() or len(text) > LONGEST_TEXT or not metadata.get("exchange_id"):
        return None
    return UserMessage(text, CollectingOutputChannel(), sender, input_channel="rest", metadata=metadata)


async def _recorded(agent: Any, message: UserMessage) -> list[dict[str, Any]] | None:
    """What this exchange was answered before, or None if it is new.

    The lock waits for a turn that still runs, whose poster may have died. A turn is saved as a whole when it ends, so
    an exchange is in the tracker with all of its answer or not at all. Rasa's outer store turns a read error into a
    new conversation, so the inner one is asked: an error here ends the turn before it begins.
    """
    store = getattr(agent.tracker_store, "_tracker_store", agent.tracker_store)
    async with agent.lock_store.lock(message.sender_id):
        tracker = await store.retrieve(message.sender_id)
    found: list[dict[str, Any]] | None = None
    for event in tracker.events if tracker else ():
        if isinstance(event, UserUttered):
            if found is not None:
                break
            if (event.metadata or {}).get("exchange_id") == message.metadata["exchange_id"]:
                found = []
        elif found is not None and isinstance(event, BotUttered) and event.data.get("custom"):
            found.append({"recipient_id": message.sender_id, "custom": event.data["custom"]})
    return found
