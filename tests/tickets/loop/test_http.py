"""The loop by HTTP: links of customers and guests, files, the way to the head, on a whole gateway."""

from __future__ import annotations

import io
from typing import Any

import aiohttp
import pytest
from PIL import Image

from tests.tickets.test_http import House, Json, house

assert house


def token_of(url: str) -> str:
    return url.rpartition("/")[2]


def picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (8, 8), "teal").save(out, "PNG")
    return out.getvalue()


async def upload(house: House, path: str) -> Json:
    form = aiohttp.FormData()
    form.add_field("file", picture(), filename="shot.png", content_type="image/png")
    async with house.client.post(f"/api/v1{path}", data=form) as response:
        assert response.status == 201, await response.text()
        made: Json = await response.json()
        return made


async def raw(house: House, path: str) -> tuple[int, bytes]:
    async with house.client.get(f"/api/v1{path}") as response:
        return response.status, await response.read()


async def ticket_of(house: House, *texts: str) -> tuple[dict[str, str], str, str]:
    """Headers of the customer, serial, token of the ticket's link."""
    customer, serial = await house.customer(*texts)
    found = await house.services.tickets.detail(serial, set())
    return customer, serial, token_of(house.services.tickets.ticket_link(found["id"]))


async def let_down(house: House) -> tuple[dict[str, str], str, str]:
    customer, serial, token = await ticket_of(house, "发票开错抬头了", "转人工")
    agent = await house.person("agent-a", "agent", "payment")
    await house.call("POST", f"/tickets/{serial}/resolve", 200, agent, {"solution": "已重开。"})
    rating = {"rating": 1, "solved": False, "text": "还是错的", "recommend": 2}
    await house.call("POST", f"/chat/tickets/{serial}/survey", 204, customer, rating)
    return customer, serial, token


async def test_links_are_short_and_lead_to_all_of_ones_tickets(house: House) -> None:
    _, serial, token = await ticket_of(house, "发票开错抬头了", "转人工")
    assert len(token) <= 60
    found = await house.services.tickets.detail(serial, set())
    mine = token_of(house.services.tickets.mine_link(found["customer"]["id"]))
    listed = (await house.call("GET", f"/my/{mine}", 200, {}))["tickets"]
    assert [(each["serial"], token_of(each["url"])) for each in listed] == [(serial, token)]
    await house.call("GET", f"/my/{token}", 404, {})
    await house.call("GET", f"/t/{mine}", 404, {})


async def test_a_file_behind_a_link_reaches_the_ticket_and_nobody_else(house: House) -> None:
    _, _, token = await ticket_of(house, "发票开错抬头了", "转人工")
    _, _, other = await ticket_of(house, "播放一直卡", "转人工")
    made = await upload(house, f"/t/{token}/attachments")
    body = {"attachment_id": made["attachment_id"], "text": "见截图"}
    await house.call("POST", f"/t/{other}/messages", 404, {}, body)
    assert (await raw(house, f"/t/{token}/attachments/{made['attachment_id']}"))[0] == 404
    await house.call("POST", f"/t/{token}/messages", 204, {}, body)
    page = await house.call("GET", f"/t/{token}", 200, {})
    assert [each["attachment"]["name"] for each in page["history"] if "attachment" in each] == ["shot.png"]
    status, content = await raw(house, f"/t/{token}/attachments/{made['attachment_id']}")
    assert (status, content[:4]) == (200, b"\x89PNG")
    assert (await raw(house, f"/t/{other}/attachments/{made['attachment_id']}"))[0] == 404
    await house.call("POST", f"/t/{token}/messages", 422, {}, {"text": "  "})


async def test_the_way_to_the_head_from_the_chat_to_the_answer(house: House) -> None:
    await house.person("boss", "executive")
    customer, serial, token = await let_down(house)
    state = (await house.call("GET", "/chat/messages?after_seq=0", 200, customer))["state"]
    assert state["executive"] == {"ticket_serial": serial}
    assert (await house.call("GET", f"/t/{token}", 200, {}))["executive"]["allowed"]
    await house.call("POST", f"/t/{token}/executive", 422, {}, {"text": ""})
    promised = await house.call("POST", f"/chat/tickets/{serial}/executive", 201, customer, {"text": "请给个说法"})
    assert promised["due_at"] is not None
    await house.call("POST", f"/t/{token}/executive", 409, {}, {"text": "再问一次"})
    supervisor = await house.person("super", "supervisor")
    detail = await house.call("GET", f"/tickets/{serial}", 200, supervisor)
    assert detail["executive"]["asked"] == "请给个说法"
    (seat,) = detail["guests"]
    seat_token = token_of(seat["url"])
    # An agent sees that the head was asked, and no link.
    agent = await house.person("agent-b", "agent", "experts")
    (seen,) = (await house.call("GET", f"/tickets/{serial}/guests", 200, agent))["items"]
    assert seen["url"] is None

    locked = await house.call("GET", f"/g/{seat_token}", 200, {})
    assert (locked["locked"], "matter" in locked) == (True, False)
    await house.call("POST", f"/g/{seat_token}/proof", 401, supervisor, {"code": ""})
    await house.call("POST", f"/g/{seat_token}/code", 403, {}, {})
    await house.call("POST", f"/g/{seat_token}/messages", 401, {}, {"text": "冒充"})
    async with house.services.db.read() as tx:
        head = await house.services.tickets.top.head(tx)
    assert head is not None
    session = await house.services.auth.open_session(head.staff_id, address="", agent="")
    cookie = {"Cookie": f"fl_s3={session.secret}"}
    evil = {**cookie, "Origin": "http://evil.example"}
    await house.call("POST", f"/g/{seat_token}/proof", 403, evil, {"code": ""})
    proof = (await house.call("POST", f"/g/{seat_token}/proof", 200, cookie, {"code": ""}))["pass"]
    shown = {"X-Guest-Pass": proof}
    page = await house.call("GET", f"/g/{seat_token}", 200, shown)
    assert page["matter"]["surveys"][0]["text"] == "还是错的"
    await house.call("POST", f"/g/{seat_token}/messages", 204, shown, {"text": "我来负责到底。"})
    last = (await house.call("GET", "/chat/messages?after_seq=0", 200, customer))["messages"][-1]
    assert (last["text"], last["agent_name"]) == ("我来负责到底。", "boss(负责人)")
    detail = await house.call("GET", f"/tickets/{serial}", 200, supervisor)
    assert (detail["executive"]["overdue"], detail["executive"]["answered_at"] is not None) == (False, True)


@pytest.mark.parametrize("may_answer", [False, True])
async def test_a_guest_comes_by_link_and_goes_when_told(house: House, may_answer: bool) -> None:
    customer, serial, _ = await ticket_of(house, "订单 88 少发一件 电话 13812345678", "转人工")
    agent = await house.person("agent-a", "agent", "merchant")
    supervisor = await house.person("super", "supervisor")
    wish: dict[str, Any] = {"name": "王店长", "organisation": "云上百货", "text": "请补发", "may_answer": may_answer}
    await house.call("POST", f"/tickets/{serial}/guests", 422, supervisor, {**wish, "days": 90})
    made = await house.call("POST", f"/tickets/{serial}/guests", 201, supervisor, wish)
    token = token_of(made["url"])
    page = await house.call("GET", f"/g/{token}", 200, {})
    assert "13812345678" not in str(page)
    assert page["may_answer"] is may_answer
    await house.call("POST", f"/g/{token}/messages", 204, {}, {"text": "仓库有货"})
    status = 204 if may_answer else 403
    await house.call("POST", f"/g/{token}/messages", status, {}, {"text": "今天补发", "to_customer": True})
    said = (await house.call("GET", "/chat/messages?after_seq=0", 200, customer))["messages"][-1]
    assert (said.get("agent_name") == "王店长(云上百货)") is may_answer
    await house.call("POST", f"/tickets/{serial}/guests/{made['id']}/messages", 204, supervisor, {"text": "谢谢"})
    assert [each["text"] for each in (await house.call("GET", f"/g/{token}", 200, {}))["words"]][-1] == "谢谢"
    await house.call("DELETE", f"/tickets/{serial}/guests/{made['id']}", 204, supervisor)
    await house.call("GET", f"/g/{token}", 404, {})
    assert agent


async def test_how_likely_they_recommend_us_comes_by_the_page_too(house: House) -> None:
    _, serial, token = await ticket_of(house, "发票开错抬头了", "转人工")
    agent = await house.person("agent-a", "agent", "payment")
    await house.call("POST", f"/tickets/{serial}/resolve", 200, agent, {"solution": "已重开。"})
    await house.call("POST", f"/t/{token}/survey", 422, {}, {"rating": 4, "solved": True, "recommend": 11})
    await house.call("POST", f"/t/{token}/survey", 204, {}, {"rating": 4, "solved": True, "recommend": 9})
    page = await house.call("GET", f"/t/{token}", 200, {})
    assert page["survey"] == {"rating": 4, "solved": True, "recommend": 9}
