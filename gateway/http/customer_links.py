"""Pages behind a signed link: one ticket, one survey; and feedback from a page or an app without a chat."""

from __future__ import annotations

from typing import Annotated

import msgspec
from aiohttp import web

from connectors.web.wire import Nothing, SurveyAnswer, TicketReopen, TicketWords
from core.errors import Invalid, NotFound
from gateway.http.chat import preflight
from gateway.http.kit import LINK, OPEN, Route, address, body, no_content, reply
from gateway.limits import Limit
from gateway.services import services

_BY_ADDRESS = Limit("links", burst=120, per_s=2.0)
_FEEDBACK = Limit("feedback", burst=20, per_s=20 / 600)
_KINDS = frozenset({"problem", "suggestion", "report", "praise"})


class Feedback(msgspec.Struct, forbid_unknown_fields=True):
    """Body of a feedback; `consent` must be true when a contact is given."""

    channel_key: Annotated[str, msgspec.Meta(max_length=100)]
    kind: str
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=4_000)]
    phone: Annotated[str, msgspec.Meta(pattern=r"^\+?[0-9 ()-]{5,24}$")] | None = None
    email: Annotated[str, msgspec.Meta(pattern=r"^[^@\s]{1,64}@[^@\s]{1,190}\.[^@\s]{2,20}$")] | None = None
    consent: bool = False


async def _who(request: web.Request) -> tuple[str, str]:
    """(customer id, serial) behind the link. Raises NotFound."""
    parts = services(request)
    await parts.limits.take(_BY_ADDRESS, address(request))
    return await parts.tickets.by_link(request.match_info["token"])


async def get_ticket(request: web.Request) -> web.StreamResponse:
    return reply(await services(request).tickets.customer_detail(*await _who(request)))


async def add_words(request: web.Request) -> web.StreamResponse:
    wish = await body(request, TicketWords)
    await services(request).tickets.customer_words(*await _who(request), wish.text)
    return no_content()


async def reopen(request: web.Request) -> web.StreamResponse:
    wish = await body(request, TicketReopen)
    await services(request).tickets.customer_reopens(*await _who(request), wish.text or "")
    return no_content()


async def close(request: web.Request) -> web.StreamResponse:
    await body(request, Nothing)
    await services(request).tickets.customer_closes(*await _who(request))
    return no_content()


async def rate(request: web.Request) -> web.StreamResponse:
    wish = await body(request, SurveyAnswer)
    await services(request).tickets.customer_rates(*await _who(request), wish.rating, wish.solved, wish.text or "")
    return no_content()


async def get_survey(request: web.Request) -> web.StreamResponse:
    parts = services(request)
    await parts.limits.take(_BY_ADDRESS, address(request))
    return reply(await parts.tickets.survey_by_link(request.match_info["token"]))


async def answer_survey(request: web.Request) -> web.StreamResponse:
    """Answer the survey; a second answer replaces the first."""
    parts, wish = services(request), await body(request, SurveyAnswer)
    await parts.limits.take(_BY_ADDRESS, address(request))
    await parts.tickets.rate_by_link(request.match_info["token"], wish.rating, wish.solved, wish.text or "")
    return no_content()


async def feedback(request: web.Request) -> web.StreamResponse:
    """A person's matter from a page or an app; answers with its number and the page where it goes on."""
    parts, wish = services(request), await body(request, Feedback)
    if wish.kind not in _KINDS:
        raise Invalid("kind")
    if not wish.text.strip():
        raise Invalid("text is empty", text_id="error.text_empty")
    if (wish.phone or wish.email) and not wish.consent:
        raise Invalid("consent", text_id="error.consent")
    await parts.limits.take(_FEEDBACK, address(request))
    channel = await parts.web.channel(wish.channel_key)
    if channel.disabled_at is not None:
        raise NotFound("channel")
    ticket = await parts.tickets.feedback(
        channel_id=channel.id,
        channel_kind=channel.kind,
        kind=wish.kind,
        text=wish.text.replace("\x00", ""),
        phone=wish.phone,
        email=wish.email,
    )
    return reply({"serial": ticket.serial, "url": parts.tickets.ticket_link(ticket.id)}, 201)


ROUTES = (
    Route("GET", "/api/v1/t/{token}", get_ticket, LINK, summary="A ticket behind a signed link"),
    Route("POST", "/api/v1/t/{token}/messages", add_words, LINK, body=TicketWords, status=204),
    Route("POST", "/api/v1/t/{token}/reopen", reopen, LINK, body=TicketReopen, status=204),
    Route("POST", "/api/v1/t/{token}/close", close, LINK, body=Nothing, status=204),
    Route("POST", "/api/v1/t/{token}/survey", rate, LINK, body=SurveyAnswer, status=204),
    Route("GET", "/api/v1/s/{token}", get_survey, LINK, summary="A survey behind a signed link"),
    Route("POST", "/api/v1/s/{token}", answer_survey, LINK, body=SurveyAnswer, status=204),
)
CROSSING_ROUTES = (
    Route("OPTIONS", "/api/v1/feedback", preflight, OPEN),
    Route("POST", "/api/v1/feedback", feedback, OPEN, body=Feedback, status=201, summary="Feedback without a chat"),
)
