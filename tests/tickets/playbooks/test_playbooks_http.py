"""Playbooks by HTTP on a whole gateway: the panel of a ticket, the refusal in Chinese, the editor."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer

from core.redis_client import connect
from core.settings import Settings
from gateway.app import application, running
from tests.tickets.test_http import REDIS_NUMBERS, House


@pytest.fixture
async def house(tmp_path: Path, redis_url: str) -> AsyncIterator[House]:
    """A gateway on SQLite with a logical Redis database of its own."""
    url = f"{redis_url}?db={next(REDIS_NUMBERS)}"
    async with connect(url) as redis:
        await redis.flushdb()
    settings = Settings(data=tmp_path, redis_url=url, turn_gather_s=0.05)
    async with running(settings) as services, TestClient(TestServer(application(services))) as client:
        yield House(services, client)


async def test_an_agent_works_through_a_playbook(house: House) -> None:
    """Panel in the detail, refusal that names what is missing, fields, steps, result, appeal."""
    _, serial = await house.customer("我要举报违规的低俗内容", "转人工")
    agent = await house.person("reviewer-a", "agent", "content-review")
    other = await house.person("reviewer-b", "agent", "content-review")
    panel = (await house.call("GET", f"/tickets/{serial}", 200, agent))["playbook"]
    assert (panel["name"], panel["missing"]) == ("内容举报处理", ["处理级别", "依据的规则", "固定证据"])
    refused = await house.call("POST", f"/tickets/{serial}/resolve", 409, agent, {"solution": "已处理"})
    assert refused["error"]["message"] == "按“内容举报处理”还不能结案，请先补全：处理级别、依据的规则、固定证据。"
    values = {"values": {"violation_level": "none", "violation_rule": "未发现违规"}}
    panel = await house.call("PUT", f"/tickets/{serial}/playbook/fields", 200, agent, values)
    assert panel["missing"] == ["固定证据"]
    path = f"/tickets/{serial}/playbook/steps"
    panel = await house.call("POST", f"{path}/evidence", 200, agent, {"done": True, "note": "截图三张"})
    assert panel["missing"] == []
    assert panel["steps"][0]["done_by"] == "reviewer-a"
    await house.call("POST", f"{path}/nothing", 404, agent, {"done": True})
    await house.call("POST", f"/tickets/{serial}/resolve", 200, agent, {"solution": "核实后未发现违规。"})
    made = await house.call("POST", f"/tickets/{serial}/appeal", 201, agent, {"text": "请再看一次"})
    refused = await house.call("POST", f"/tickets/{made['serial']}/confirm", 409, agent)
    assert "另一位同事" in refused["error"]["message"]
    assert (await house.call("POST", f"/tickets/{made['serial']}/confirm", 200, other))["state"] == "in_progress"
    told = [each["kind_text"] for each in (await house.call("GET", f"/tickets/{serial}", 200, agent))["events"]]
    assert {"完成步骤", "填写处理信息", "提出申诉"} <= set(told)


async def test_the_person_concerned_appeals_by_a_link(house: House) -> None:
    """The link stands in the step's words; before the decision it takes nothing, after it one appeal is a ticket."""
    _, serial = await house.customer("我要举报违规的低俗内容", "转人工")
    agent = await house.person("reviewer-a", "agent", "content-review")
    panel = (await house.call("GET", f"/tickets/{serial}", 200, agent))["playbook"]
    template = next(each["template"] for each in panel["steps"] if each["id"] == "tell_concerned")
    token = template.partition("/appeal/")[2].partition(" ")[0]
    shown = await house.call("GET", f"/appeals/{token}", 200, {})
    assert (shown["serial"], shown["may_appeal"]) == (serial, False)
    await house.call("POST", f"/appeals/{token}", 409, {}, {"text": "我没有违规"})
    values = {"values": {"violation_level": "warning", "violation_rule": "社区规则 3.2"}}
    await house.call("PUT", f"/tickets/{serial}/playbook/fields", 200, agent, values)
    shown = await house.call("GET", f"/appeals/{token}", 200, {})
    assert (shown["level"], shown["rule"], shown["may_appeal"]) == ("警告", "社区规则 3.2", True)
    await house.call("POST", f"/appeals/{token}", 422, {}, {"text": " "})
    made = await house.call("POST", f"/appeals/{token}", 201, {}, {"text": "我没有违规", "name": "小北"})
    page = await house.call("GET", f"/t/{made['url'].rpartition('/')[2]}", 200, {})
    assert (page["serial"], "我没有违规" in str(page["history"])) == (made["serial"], True)
    await house.call("POST", f"/tickets/{made['serial']}/confirm", 409, agent)
    await house.call("GET", "/appeals/nonsense", 404, {})


async def test_playbooks_are_edited_by_who_may(house: House) -> None:
    """A new one, a stale edit, a category that has one already, archiving."""
    admin, agent = await house.person("boss", "admin"), await house.person("agent", "agent")
    items = (await house.call("GET", "/playbooks", 200, agent))["items"]
    assert [each["id"] for each in items] == ["technical", "content", "commercial", "suggestion"]
    wish = {
        "name": "退款处理",
        "categories": ["payment/refund"],
        "steps": [{"id": "check", "title": "核对扣款", "wanted": True}],
        "fields": [{"key": "amount", "title": "金额"}],
    }
    await house.call("POST", "/playbooks", 403, agent, wish)
    made = (await house.call("POST", "/playbooks", 201, admin, wish))["id"]
    refused = await house.call("POST", "/playbooks", 409, admin, wish)
    assert "会员与支付/退款与扣费争议" in refused["error"]["message"]
    await house.call("PUT", f"/playbooks/{made}", 204, admin, {**wish, "name": "退款流程", "version": 1})
    await house.call("PUT", f"/playbooks/{made}", 409, admin, {**wish, "version": 1})
    await house.call("PUT", f"/playbooks/{made}", 422, admin, {**wish, "steps": [], "version": 2})
    await house.call("PUT", f"/playbooks/{made}", 204, admin, {**wish, "version": 2, "archived": True})
    items = (await house.call("GET", "/playbooks", 200, agent))["items"]
    assert (items[-1]["name"], items[-1]["archived"]) == ("退款处理", True)


async def test_what_is_wanted_goes_with_the_result(house: House) -> None:
    """One request: by the playbook of the category that the result gives; nothing is kept of a refused one."""
    _, serial = await house.customer("我要举报违规的低俗内容", "转人工")
    agent = await house.person("reviewer-a", "agent", "content-review")
    path = f"/tickets/{serial}/resolve"
    result = {
        "solution": "核实后未发现违规。",
        "playbook": {"violation_level": "none", "violation_rule": "社区规则 3.2"},
    }
    await house.call("POST", path, 409, agent, result)
    await house.call("POST", path, 422, agent, {**result, "playbook": {"violation_level": "jail"}})
    await house.call("POST", path, 404, agent, {**result, "steps_done": ["nothing"]})
    panel = (await house.call("GET", f"/tickets/{serial}", 200, agent))["playbook"]
    assert panel["missing"] == ["处理级别", "依据的规则", "固定证据"]
    assert [each["results"] for each in panel["fields"]] == [["solved"], ["solved"]]
    await house.call("POST", path, 200, agent, {**result, "steps_done": ["evidence"]})
    told = await house.call("GET", f"/tickets/{serial}", 200, agent)
    assert (told["state"], told["fields"]["violation_rule"]) == ("resolved", "社区规则 3.2")
    assert told["playbook"]["steps"][0]["done_by"] == "reviewer-a"


async def test_the_desk_concludes_in_another_category(house: House) -> None:
    """The sheet follows the category that is chosen in it, and so does what it sends."""
    _, serial = await house.customer("看剧一直黑屏 没有画面", "转人工")
    agent = await house.person("lin", "agent", "technical")
    talk = (await house.call("GET", f"/tickets/{serial}", 200, agent))["conversation_id"]
    await house.call("PUT", "/desk/presence", 200, agent, {"status": "online"})
    await house.call("POST", f"/desk/conversations/{talk}/take", 200, agent)
    path = f"/desk/conversations/{talk}/resolve"
    result = {"solution": "已经记下您的建议。", "category_id": "advice/feature"}
    await house.call("POST", path, 409, agent, result)
    whole = {**result, "playbook": {"assessment": "planned"}, "steps_done": ["assess"]}
    await house.call("POST", path, 204, agent, whole)
    told = await house.call("GET", f"/tickets/{serial}", 200, agent)
    assert (told["category_id"], told["fields"]["assessment"]) == ("advice/feature", "planned")


async def test_a_conversation_of_others_is_opened_by_a_reason(house: House) -> None:
    """Refused with a code that the desk knows, then open for who said why."""
    _, serial = await house.customer("我要举报违规的低俗内容", "转人工")
    agent = await house.person("reviewer-a", "agent", "content-review")
    talk = (await house.call("GET", f"/tickets/{serial}", 200, agent))["conversation_id"]
    other = await house.person("somebody", "agent", "technical")
    refused = await house.call("GET", f"/desk/conversations/{talk}", 403, other)
    assert refused["error"]["code"] == "reason_required"
    await house.call("POST", f"/desk/conversations/{talk}/open", 422, other, {"reason": "看看"})
    opened = await house.call("POST", f"/desk/conversations/{talk}/open", 201, other, {"reason": "客户来电核对进度"})
    assert (opened["serial"], opened["until"] is None) == (serial, False)
    await house.call("GET", f"/desk/conversations/{talk}", 200, other)
    await house.call("POST", "/desk/conversations/cnv_nothing/open", 404, other, {"reason": "客户来电核对进度"})
