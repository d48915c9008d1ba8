"""Pages behind a signed link: one ticket, one survey."""

from __future__ import annotations

from aiohttp import web

from connectors.web.wire import Nothing, SurveyAnswer, TicketReopen, TicketWords
from gateway.http.kit import LINK, Route, address, body, no_content, reply
from gateway.limits import Limit
from gateway.services import services

_BY_ADDRESS = Limit("links", burst=120, per_s=2.0)


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


ROUTES = (
    Route("GET", "/api/v1/t/{token}", get_ticket, LINK, summary="A ticket behind a signed link"),
    Route("POST", "/api/v1/t/{token}/messages", add_words, LINK, body=TicketWords, status=204),
    Route("POST", "/api/v1/t/{token}/reopen", reopen, LINK, body=TicketReopen, status=204),
    Route("POST", "/api/v1/t/{token}/close", close, LINK, body=Nothing, status=204),
    Route("POST", "/api/v1/t/{token}/survey", rate, LINK, body=SurveyAnswer, status=204),
    Route("GET", "/api/v1/s/{token}", get_survey, LINK, summary="A survey behind a signed link"),
    Route("POST", "/api/v1/s/{token}", answer_survey, LINK, body=SurveyAnswer, status=204),
)
