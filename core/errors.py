"""The error tree. Each class has a stable `code` that clients may rely on and an HTTP `status`.

FrontlineError
├── BadRequest (400)          BadJson
├── Unauthorized (401)
├── Forbidden (403)
├── NotFound (404)
├── Conflict (409)            IllegalMove, OfferGone, StaleEpoch
├── TooLarge (413)
├── Invalid (422)
├── RateLimited (429)
└── Unavailable (503)         DatabaseUnavailable, QueueUnavailable, EncoderUnavailable,
                              AssistantUnavailable (AssistantBusy), ChannelUnavailable

`text_id` names the catalogue entry that a person sees; `detail` is for programs and logs and never holds
customers' words.
"""

from __future__ import annotations

from typing import ClassVar


class FrontlineError(Exception):
    """Base of everything we raise on purpose."""

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500

    def __init__(self, detail: str = "", *, text_id: str | None = None, **params: object) -> None:
        super().__init__(detail or self.code)
        self.detail = detail
        self.text_id = text_id or f"error.{self.code}"
        self.params = params


class BadRequest(FrontlineError):
    """The request cannot be read at all."""

    code = "bad_request"
    status = 400


class BadJson(BadRequest):
    """The body is not JSON in UTF-8."""

    code = "bad_json"


class Unauthorized(FrontlineError):
    """No proof of who is asking, or one that ran out."""

    code = "unauthorized"
    status = 401


class Forbidden(FrontlineError):
    """Known, but not allowed."""

    code = "forbidden"
    status = 403


class NotFound(FrontlineError):
    """It does not exist, or not for the one who asks."""

    code = "not_found"
    status = 404


class Conflict(FrontlineError):
    """The state of things does not allow it (any more)."""

    code = "conflict"
    status = 409


class IllegalMove(Conflict):
    """A ticket or conversation cannot go from its state to the wanted one."""


class OfferGone(Conflict):
    """The handoff is somebody else's now, or ended."""


class StaleEpoch(Conflict):
    """The conversation changed its owner meanwhile; what was to be said must not be said."""


class TooLarge(FrontlineError):
    """The body or file is larger than allowed."""

    code = "too_large"
    status = 413


class Invalid(FrontlineError):
    """Readable, but a field is unknown, missing, empty or out of range."""

    code = "invalid"
    status = 422


class RateLimited(FrontlineError):
    """Too many requests; `retry_after_s` says when to come back."""

    code = "rate_limited"
    status = 429

    def __init__(self, retry_after_s: float, detail: str = "") -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class Unavailable(FrontlineError):
    """A neighbour is down and there is no second best."""

    code = "unavailable"
    status = 503


class DatabaseUnavailable(Unavailable):
    """The one part without which a message is refused."""


class QueueUnavailable(Unavailable):
    """Redis is down; who needs a person gets a ticket instead."""


class EncoderUnavailable(Unavailable):
    """The encoder is down or late; search is lexical meanwhile."""


class AssistantUnavailable(Unavailable):
    """Rasa is down, late or talks nonsense; the knowledge base answers alone."""


class AssistantBusy(AssistantUnavailable):
    """Too many ask Rasa at once, and this question was never put; the knowledge base answers alone."""


class ChannelUnavailable(Unavailable):
    """The platform of a channel is down; delivery is tried again later."""


class UnsupportedEvent(FrontlineError):
    """A platform event that we know and do not use: answer 200 and count it."""

    code = "unsupported_event"
    status = 200


class NotFromThisChannel(FrontlineError):
    """A platform call with a bad signature (401) or shape (400)."""

    code = "not_from_this_channel"
    status = 401
