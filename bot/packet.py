"""The context packet: everything an agent should know when a conversation is handed over, as one JSON value.

`version` grows when a field changes its meaning; readers ignore fields they do not know.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bot import mood, wish
from bot.ports import TicketBook
from bot.store import customers, exchanges, messages
from bot.store.exchanges import Exchange
from bot.store.messages import Message
from bot.types import Author, HandoffReason, Kind
from bot.work import Work
from core.clock import rfc3339
from core.db import Tx

VERSION = 1

_LAST_MESSAGES = 20
_SUMMARY_CHARACTERS = 160
_PLACE = ("city", "network_kind", "network_provider", "speed", "timezone", "page_url", "page_title", "language")
_DEVICE = ("device_model", "system_version", "app_version", "browser", "screen")
# What the platforms allow once the customer has written; a connector may know better and says so when it sends.
_LIMITS: dict[str, dict[str, Any]] = {
    "web": {"max_chars": 4000},
    "wechat": {"max_chars": 600, "window_h": 48, "messages_per_window": 5},
    "wecom": {"max_chars": 600, "window_h": 48, "messages_per_window": 5},
    "weibo": {"max_chars": 300, "window_h": 48},
    "mail": {"max_chars": 20000},
}


async def build(
    tx: Tx,
    tickets: TicketBook,
    work: Work,
    *,
    reason: HandoffReason,
    detail: str | None,
    intent: str | None,
    confidence: float | None,
    answers: dict[str, Any],
) -> dict[str, Any]:
    """Read what is known and put it together; the present turn's messages are part of it."""
    said = await messages.newest(tx, work.conversation.id, _LAST_MESSAGES)
    done = await exchanges.of_episode(tx, work.episode.id)
    current = await tickets.current(tx, work.customer.id)
    accounts = await customers.identities_of(tx, work.customer.id)
    own = [message for message in said if message.author is Author.CUSTOMER]
    emotion = max((mood.anger(message.text) for message in own[-5:]), default=0.0)
    profile = work.customer.profile
    return {
        "version": VERSION,
        "reason": reason.value,
        "detail": detail,
        "intent": intent,
        "confidence": confidence,
        "slots": {key: value for key, value in work.episode.memory.slots.items() if value},
        "form": answers or dict(work.episode.memory.answers),
        "articles": await _tried(tx, done),
        "failed_turns": work.episode.failed_turns,
        "messages": [_message(message) for message in said],
        "summary": summarise(own),
        "wants": _wants(own),
        "emotion": emotion,
        "mood": [{"seq": message.seq, "anger": mood.anger(message.text)} for message in own],
        "customer": {
            "name": work.customer.name,
            "level": work.customer.level,
            "proven": any(account.proven for account in accounts),
            "tags": [dict(tag) for tag in work.customer.tags],
            "profile": dict(profile),
        },
        "device": {key: profile[key] for key in _DEVICE if profile.get(key)},
        "place": {key: profile[key] for key in _PLACE if profile.get(key)},
        "tickets": [
            {"ticket_id": ref.ticket_id, "serial": ref.serial, "state": ref.state, "tier": ref.tier, "title": ref.title}
            for ref in current
            if ref.ticket_id != work.episode.ticket_id and ref.state not in ("closed", "merged", "self_solved")
        ],
        "channel": {
            "kind": work.channel.kind,
            "name": work.channel.name,
            "last_customer_at": rfc3339(work.items[-1].message.at),
            "limits": _LIMITS.get(work.channel.kind, {}),
        },
    }


def summarise(own: Sequence[Message]) -> str:
    """The customer's own sentences that tell the matter: nothing is invented, greetings and wishes are left out."""
    told = [message.text.strip() for message in own if message.kind is Kind.TEXT and _tells(message.text)]
    if not told:
        return ""
    # The longest ones carry the matter; they are shown in the order in which they were said.
    best = sorted(sorted(set(told), key=len, reverse=True)[:3], key=told.index)
    summary = ";".join(best)
    return summary if len(summary) <= _SUMMARY_CHARACTERS else summary[: _SUMMARY_CHARACTERS - 1] + "…"


def _tells(text: str) -> bool:
    return not (wish.greets(text) or wish.thanks(text) or wish.detect(text) is wish.Wish.PERSON) and len(text) > 1


def _wants(own: Sequence[Message]) -> str:
    for message in reversed(own):
        if message.kind is Kind.TEXT and _tells(message.text):
            return message.text[:_SUMMARY_CHARACTERS]
    return own[-1].text[:_SUMMARY_CHARACTERS] if own else ""


def _message(message: Message) -> dict[str, Any]:
    return {
        "id": message.id,
        "seq": message.seq,
        "author": message.author.value,
        "kind": message.kind.value,
        "text": message.text,
        "at": rfc3339(message.at),
    }


async def _tried(tx: Tx, done: Sequence[Exchange]) -> list[dict[str, Any]]:
    """What the bot answered with, its scores, and what the customer said to it."""
    tried: dict[str, dict[str, Any]] = {}
    for exchange in done:
        helpful = None
        for message_id in exchange.reply:
            thumb = (await messages.get(tx, message_id)).helpful
            helpful = thumb if thumb is not None else helpful
        shown = exchange.articles if exchange.decision == "ask" else exchange.articles[:1]
        if exchange.decision not in ("alias", "answer", "ask", "choice"):
            continue
        for article in shown:
            known = tried.setdefault(str(article["article_id"]), dict(article))
            known["decision"] = exchange.decision
            if helpful is not None:
                known["helpful"] = helpful
    return list(tried.values())
