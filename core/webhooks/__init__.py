"""Outgoing webhooks: what happened here, told to the programs of others, signed, in order, at least once."""

from core.webhooks.service import Webhooks

__all__ = ["Webhooks"]
