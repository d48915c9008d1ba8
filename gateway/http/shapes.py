"""Shapes of answers that programs rely on, for the OpenAPI document. Answers may hold more than their shape says."""

from __future__ import annotations

from typing import Any

import msgspec


class Attachment(msgspec.Struct):
    """A file that was taken in."""

    attachment_id: str
    kind: str
    name: str
    bytes: int


class ChatMessage(msgspec.Struct):
    """One utterance in a chat, as the customer sees it."""

    seq: int
    author: str
    kind: str
    text: str
    choices: list[dict[str, str]]
    articles: list[dict[str, Any]]
    at: str
    attachment: Attachment | None = None


class ChatState(msgspec.Struct):
    """How a conversation stands; `queue_position` is the number strictly ahead."""

    version: int
    mode: str
    queue_position: int | None
    eta_s: int | None
    agent_name: str | None
    ticket_serial: str | None


class ChatPage(msgspec.Struct):
    """News of a conversation."""

    messages: list[ChatMessage]
    has_more: bool
    state: ChatState


class MyTicketLine(msgspec.Struct):
    """A ticket in the customer's words."""

    serial: str
    title: str
    state: str
    next_step: str | None
    updated_at: str
    unread: int


class MyTickets(msgspec.Struct):
    """The customer's tickets, the last touched first."""

    tickets: list[MyTicketLine]


class HistoryLine(msgspec.Struct):
    """A step that concerns the customer, or something that was said."""

    at: str
    kind: str
    text: str


class MyTicket(MyTicketLine):
    """One ticket with its history, without staff's words."""

    history: list[HistoryLine] = []


class TicketBrief(msgspec.Struct):
    """A ticket as lists show it."""

    id: str
    serial: str
    title: str
    state: str
    state_text: str
    tier: int
    priority: int
    category_id: str
    category_name: str
    team_id: str | None
    team_name: str | None
    assignee_id: str | None
    assignee_name: str | None
    channel_kind: str
    customer_name: str
    updated_at: str
    created_at: str
    next_step: str | None
    next_step_at: str | None
    overdue: bool
    review_wanted: bool
    reopened_count: int
    rating: int | None
    version: int


class TicketPage(msgspec.Struct):
    """One page of tickets; `next` is the cursor of the next one."""

    items: list[TicketBrief]
    next: str | None


class TicketEvent(msgspec.Struct):
    """One line of the history, with old and new values."""

    number: int
    at: str
    actor: str
    kind: str
    text: str | None


class TicketDetail(TicketBrief, kw_only=True):
    """Everything about one ticket. Contacts, cards and addresses are masked."""

    description: str | None
    fields: dict[str, str]
    solution: str | None
    first_received_at: str
    resolved_at: str | None
    closed_at: str | None
    close_ground: str | None
    customer: dict[str, Any]
    conversation_id: str | None
    events: list[TicketEvent]
    exchanges: list[dict[str, Any]]
    messages: list[dict[str, Any]]
    surveys: list[dict[str, Any]]
    allowed: list[str]


class CategoryNode(msgspec.Struct):
    """A category with those under it."""

    id: str
    name: str
    team_id: str
    children: list[CategoryNode]


class Categories(msgspec.Struct):
    """The tree of categories."""

    items: list[CategoryNode]


class OpenMatter(msgspec.Struct):
    """Something that is open for a customer."""

    serial: str
    title: str
    state: str
    state_text: str
    updated_at: str


class FoundCustomer(msgspec.Struct):
    """A customer, masked."""

    id: str
    name: str
    level: str
    account_masked: str | None
    phone_masked: str | None
    email_masked: str | None
    since: str
    open: list[OpenMatter]


class FoundCustomers(msgspec.Struct):
    """Whom a search found."""

    items: list[FoundCustomer]
    next: str | None


class RowFault(msgspec.Struct):
    """What is wrong with a row; an error keeps it out."""

    row: int
    column: str
    text_id: str
    value: str
    is_error: bool
    text: str


class Import(msgspec.Struct):
    """A sheet on its way in."""

    id: str
    name: str
    encoding: str
    state: str
    total: int
    position: int
    made: int
    known: int
    refused: int
    faults: list[RowFault]
    created_by_name: str
    created_at: str
    done_at: str | None


class Imports(msgspec.Struct):
    """The last imports, newest first."""

    items: list[Import]
    next: str | None


class SheetColumn(msgspec.Struct):
    """A column and what it was taken for."""

    header: str
    field: str | None


class SheetView(msgspec.Struct):
    """What a sheet says, before anything is taken in."""

    encoding: str
    total: int
    ready: int
    known: int
    refused: int
    columns: list[SheetColumn]
    faults: list[RowFault]
    faults_total: int
    rows: list[dict[str, Any]]


class LookedAt(Import, kw_only=True):
    """A sheet that waits to be started."""

    preview: SheetView
