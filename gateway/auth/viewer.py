"""Who is asking, as handlers see them."""

from __future__ import annotations

from dataclasses import dataclass

from core.ids import ChannelId, ConversationId, CustomerId, IdentityId
from core.people.roles import Permission


@dataclass(frozen=True, slots=True)
class Viewer:
    """A member of staff with a session, or a program with a key (`key` is true; `staff_id` is the key's id)."""

    staff_id: str
    name: str
    display_name: str
    roles: tuple[str, ...]
    permissions: frozenset[Permission]
    team_ids: tuple[str, ...]
    session_id: str
    csrf: str
    key: bool = False


@dataclass(frozen=True, slots=True)
class Visitor:
    """A customer with a valid chat token."""

    conversation_id: ConversationId
    customer_id: CustomerId
    identity_id: IdentityId
    channel_id: ChannelId
    external_id: str
    proven: bool
