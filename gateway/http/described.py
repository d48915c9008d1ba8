"""Words and shapes of the API that routes do not carry themselves, for the OpenAPI document.

A route that says its own summary, body or result wins; what stands here for nothing, a test finds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.http import shapes
from gateway.http.kit import FILE

SUMMARIES: Mapping[str, str] = {
    "POST /api/v1/chat/sessions": "Open a chat session; who comes back gets the same conversation",
    "POST /api/v1/chat/messages": "Send a message, a choice or an attachment; the same id again is the same message",
    "POST /api/v1/chat/messages/{seq}/helpful": "Whether an answer helped",
    "POST /api/v1/chat/contact": "Leave a contact, with consent",
    "GET /api/v1/chat/tickets": "My tickets",
    "POST /api/v1/chat/tickets/{serial}/messages": "Add words to my ticket",
    "POST /api/v1/chat/tickets/{serial}/reopen": "It is not over",
    "POST /api/v1/chat/tickets/{serial}/close": "It is solved",
    "POST /api/v1/chat/tickets/{serial}/survey": "Answer the survey of a ticket",
    "POST /api/v1/t/{token}/messages": "Add words to the ticket behind a link",
    "POST /api/v1/t/{token}/reopen": "It is not over (behind a link)",
    "POST /api/v1/t/{token}/close": "It is solved (behind a link)",
    "POST /api/v1/t/{token}/survey": "Answer the survey of the ticket behind a link",
    "POST /api/v1/session/password": "Change one's own password",
    "POST /api/v1/session/totp/start": "Begin two-step log-in: a secret and its picture",
    "POST /api/v1/session/totp/confirm": "Turn two-step log-in on with a first code",
    "POST /api/v1/session/totp/remove": "Turn two-step log-in off",
    "GET /api/v1/staff": "All accounts of staff",
    "POST /api/v1/staff": "A new account",
    "PATCH /api/v1/staff/{id}": "Change an account",
    "GET /api/v1/teams": "All teams with their members",
    "GET /api/v1/keys": "All API keys, without the keys",
    "POST /api/v1/keys": "A new API key, shown once",
    "DELETE /api/v1/keys/{id}": "Revoke an API key",
    "GET /api/v1/audit": "The audit, newest first",
    "GET /api/v1/channels": "All channel accounts, without secrets",
    "POST /api/v1/channels": "A new channel account",
    "PATCH /api/v1/channels/{id}": "Change a channel account",
    "POST /api/v1/tickets/{serial}/confirm": "Take a ticket on",
    "POST /api/v1/tickets/{serial}/notes": "A note for colleagues",
    "POST /api/v1/tickets/{serial}/next-step": "What happens next, by whom and by when",
    "POST /api/v1/tickets/{serial}/escalate": "Hand it up with a summary",
    "POST /api/v1/tickets/{serial}/reopen": "Open an ended ticket again",
    "POST /api/v1/tickets/{serial}/review": "The supervisor's finding",
    "POST /api/v1/tickets/{serial}/close": "Close on the customer's word given elsewhere",
    "GET /api/v1/knowledge/articles": "All articles with their state",
    "POST /api/v1/knowledge/articles": "A new article, as a draft",
    "GET /api/v1/knowledge/articles/{id}": "One article: draft, live text and history",
    "PUT /api/v1/knowledge/articles/{id}": "Save a draft over the revision it began from",
    "POST /api/v1/knowledge/articles/{id}/archive": "Put an article away with the next release",
    "GET /api/v1/knowledge/pictures/{id}": "A picture of an article",
    "GET /api/v1/knowledge/changes": "What a release would change, and the golden questions",
    "GET /api/v1/knowledge/releases": "All releases",
    "POST /api/v1/knowledge/releases": "Publish the drafts",
    "POST /api/v1/knowledge/releases/{id}/rollback": "Go back to a release",
    "GET /api/v1/knowledge/gaps": "Questions without an answer",
}

# Bodies that are one file.
UPLOADS = frozenset(
    {
        "POST /api/v1/chat/attachments",
        "POST /api/v1/desk/attachments",
        "POST /api/v1/feedback/attachments",
        "POST /api/v1/t/{token}/attachments",
        "POST /api/v1/imports",
        "POST /api/v1/knowledge/articles/{id}/picture",
    }
)

RESULTS: Mapping[str, Any] = {
    **{
        f"GET /api/v1/{path}": FILE
        for path in (
            "chat/attachments/{id}",
            "chat/speedtest",
            "desk/attachments/{id}",
            "figures/file",
            "knowledge/pictures/{id}",
            "t/{token}/attachments/{id}",
        )
    },
    **{
        f"POST /api/v1/tickets/{{serial}}/{move}": shapes.TicketBrief
        for move in (
            "confirm",
            "next-step",
            "escalate",
            "wait-customer",
            "resolve",
            "reopen",
            "review",
            "close",
            "merge",
        )
    },
    "GET /api/v1/chat/messages": shapes.ChatPage,
    "GET /api/v1/chat/tickets": shapes.MyTickets,
    "GET /api/v1/chat/tickets/{serial}": shapes.MyTicket,
    "GET /api/v1/t/{token}": shapes.MyTicket,
    "POST /api/v1/chat/attachments": shapes.Attachment,
    "POST /api/v1/desk/attachments": shapes.Attachment,
    "GET /api/v1/tickets": shapes.TicketPage,
    "POST /api/v1/tickets": shapes.TicketBrief,
    "PATCH /api/v1/tickets/{serial}": shapes.TicketBrief,
    "GET /api/v1/tickets/{serial}": shapes.TicketDetail,
    "GET /api/v1/categories": shapes.Categories,
    "GET /api/v1/intake/customers": shapes.FoundCustomers,
    "GET /api/v1/imports": shapes.Imports,
    "POST /api/v1/imports": shapes.LookedAt,
    "GET /api/v1/imports/{id}": shapes.Import,
    "POST /api/v1/imports/{id}": shapes.Import,
}
