"""Hints to whoever watches a conversation, sent once the transaction stands."""

from __future__ import annotations

from bot.ports import Notifier
from bot.store.messages import Message
from core.db import Tx


def tell_message(tx: Tx, notifier: Notifier, message: Message) -> None:
    """A message was written: customers who see it, and the desk, should read."""

    def send() -> None:
        if message.seq is not None:
            notifier.publish(f"conversation:{message.conversation_id}", {"type": "message", "seq": message.seq})
        notifier.publish("desk", {"type": "conversation", "id": message.conversation_id})

    tx.after_commit(send)


def tell_state(tx: Tx, notifier: Notifier, conversation_id: str) -> None:
    """The state beside the messages changed."""

    def send() -> None:
        notifier.publish(f"conversation:{conversation_id}", {"type": "state"})
        notifier.publish("desk", {"type": "conversation", "id": conversation_id})

    tx.after_commit(send)
