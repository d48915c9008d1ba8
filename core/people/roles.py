"""Roles as sets of permissions. A person may hold several roles; permissions add up."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Permission(StrEnum):
    """One thing somebody may do; routes name the one they need."""

    DESK_USE = "desk.use"  # be online, take handoffs, write to customers
    DESK_WATCH = "desk.watch"  # see others' conversations and the live board
    TICKET_READ = "ticket.read"
    TICKET_READ_ALL = "ticket.read_all"  # in every team, without giving a reason
    TICKET_WRITE = "ticket.write"
    TICKET_ESCALATE = "ticket.escalate"
    TICKET_EXPERT = "ticket.expert"  # take what was escalated
    TICKET_REVIEW = "ticket.review"  # the supervisor's list
    TICKET_CLASSIFY = "ticket.classify"
    QUALITY_INSPECT = "quality.inspect"
    FIGURES_READ = "figures.read"
    FIGURES_TARGET = "figures.target"  # say what a figure should reach
    KNOWLEDGE_READ = "knowledge.read"
    KNOWLEDGE_WRITE = "knowledge.write"
    KNOWLEDGE_PUBLISH = "knowledge.publish"
    SETTINGS_WRITE = "settings.write"
    PEOPLE_WRITE = "people.write"
    AUDIT_READ = "audit.read"


class Role(StrEnum):
    """The delivered roles."""

    AGENT = "agent"
    EXPERT = "expert"
    SUPERVISOR = "supervisor"
    CLASSIFIER = "classifier"
    INSPECTOR = "inspector"
    MANAGER = "manager"
    EDITOR = "editor"
    REVIEWER = "reviewer"
    ADMIN = "admin"
    GUEST = "guest"
    EXECUTIVE = "executive"  # the head of the house, whom customers may ask


_AGENT = {
    Permission.DESK_USE,
    Permission.TICKET_READ,
    Permission.TICKET_WRITE,
    Permission.TICKET_ESCALATE,
    Permission.KNOWLEDGE_READ,
}

ROLE_PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.AGENT: frozenset(_AGENT),
    Role.EXPERT: frozenset({*_AGENT, Permission.TICKET_EXPERT}),
    Role.SUPERVISOR: frozenset(
        {
            *_AGENT,
            Permission.TICKET_READ_ALL,
            Permission.TICKET_EXPERT,
            Permission.TICKET_REVIEW,
            Permission.TICKET_CLASSIFY,
            Permission.DESK_WATCH,
            Permission.FIGURES_READ,
            Permission.FIGURES_TARGET,
        }
    ),
    Role.CLASSIFIER: frozenset({Permission.TICKET_READ, Permission.TICKET_CLASSIFY}),
    Role.INSPECTOR: frozenset({Permission.TICKET_READ, Permission.TICKET_READ_ALL, Permission.QUALITY_INSPECT}),
    Role.MANAGER: frozenset({Permission.FIGURES_READ}),
    Role.EDITOR: frozenset({Permission.KNOWLEDGE_READ, Permission.KNOWLEDGE_WRITE, Permission.KNOWLEDGE_PUBLISH}),
    Role.REVIEWER: frozenset({Permission.KNOWLEDGE_READ, Permission.KNOWLEDGE_WRITE, Permission.KNOWLEDGE_PUBLISH}),
    # Who runs the system opens customers' matters only by a reason.
    Role.ADMIN: frozenset(set(Permission) - {Permission.DESK_USE, Permission.TICKET_READ_ALL}),
    Role.GUEST: frozenset(),
    Role.EXECUTIVE: frozenset({Permission.FIGURES_READ}),
}


def permissions_of(roles: Iterable[str]) -> frozenset[Permission]:
    """Return what the roles allow together; an unknown role allows nothing."""
    known = {role.value: role for role in Role}
    allowed: set[Permission] = set()
    for name in roles:
        if name in known:
            allowed |= ROLE_PERMISSIONS[known[name]]
    return frozenset(allowed)
