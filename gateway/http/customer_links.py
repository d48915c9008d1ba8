"""Pages behind a signed link: one ticket, one survey."""

from __future__ import annotations

from aiohttp import web

from connectors.web.wire import HeadWish, Nothing, SurveyAnswer, TicketReopen, TicketWords
from core.errors import NotFound
from gateway.http.chat import read_upload, send_file
from gateway.http.kit import LINK, Route, address, body, no_content, reply
from gateway.limits import Limit
from gateway.services import services

_UPLOADS = Limit("link_files", burst=20, per_s=0.1)
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
    await services(request).tickets.customer_words(*await _who(request), wish.text, wish.attachment_id)
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
    await services(request).tickets.customer_rates(
        *await _who(request), wish.rating, wish.solved, wish.text or "", recommend=wish.recommend
    )
    return no_content()


async def ask_head(request: web.Request) -> web.StreamResponse:
    """直接找负责人: one sentence; answers with the time that is promised."""
    wish = await body(request, HeadWish)
    return reply(await services(request).tickets.customer_asks_head(*await _who(request), wish.text), 201)


async def upload(request: web.Request) -> web.StreamResponse:
    """One picture or video for this ticket; it stands there once it is sent with `messages`."""
    parts = services(request)
    customer_id, _ = await _who(request)
    await parts.limits.take(_UPLOADS, address(request))
    name, data = await read_upload(request)
    stored = await parts.files.store(data, name=name, owner=customer_id)
    return reply({"attachment_id": stored.id, "kind": stored.kind, "name": stored.name, "bytes": stored.bytes}, 201)


async def download(request: web.Request) -> web.StreamResponse:
    """A file that stands in this ticket's history."""
    parts, file_id = services(request), request.match_info["id"]
    if not await parts.tickets.may_see_file(*await _who(request), file_id):
        raise NotFound("file")
    async with parts.db.read() as tx:
        return send_file(parts, await parts.files.find(tx, file_id))


async def mine(request: web.Request) -> web.StreamResponse:
    """All tickets of the customer behind the link, each with the address of its page."""
    parts = services(request)
    await parts.limits.take(_BY_ADDRESS, address(request))
    return reply({"tickets": await parts.tickets.mine_by_link(request.match_info["token"])})


async def get_survey(request: web.Request) -> web.StreamResponse:
    parts = services(request)
    await parts.limits.take(_BY_ADDRESS, address(request))
    return reply(await parts.tickets.survey_by_link(request.match_info["token"]))


async def answer_survey(request: web.Request) -> web.StreamResponse:
    """Answer the survey; a second answer replaces the first."""
    parts, wish = services(request), await body(request, SurveyAnswer)
    await parts.limits.take(_BY_ADDRESS, address(request))
    await parts.tickets.rate_by_link(
        request.match_info["token"], wish.rating, wish.solved, wish.text or "", recommend=wish.recommend
    )
    return no_content()


ROUTES = (
    Route("GET", "/api/v1/t/{token}", get_ticket, LINK, summary="A ticket behind a signed link"),
    Route("POST", "/api/v1/t/{token}/messages", add_words, LINK, body=TicketWords, status=204),
    Route("POST", "/api/v1/t/{token}/reopen", reopen, LINK, body=TicketReopen, status=204),
    Route("POST", "/api/v1/t/{token}/close", close, LINK, body=Nothing, status=204),
    Route("POST", "/api/v1/t/{token}/survey", rate, LINK, body=SurveyAnswer, status=204),
    Route("POST", "/api/v1/t/{token}/executive", ask_head, LINK, body=HeadWish, status=201),
    Route("POST", "/api/v1/t/{token}/attachments", upload, LINK, status=201),
    Route("GET", "/api/v1/t/{token}/attachments/{id}", download, LINK),
    Route("GET", "/api/v1/my/{token}", mine, LINK, summary="A customer's tickets behind a signed link"),
    Route("GET", "/api/v1/s/{token}", get_survey, LINK, summary="A survey behind a signed link"),
    Route("POST", "/api/v1/s/{token}", answer_survey, LINK, body=SurveyAnswer, status=204),
)
