"""What stands around a ticket, by HTTP: who may, what is refused in words, what the page gets."""

from __future__ import annotations

from datetime import timedelta

from core.clock import rfc3339
from tests.tickets.test_http import House, Json, house

__all__ = ["house"]


async def ticket_of(house: House, agent: dict[str, str]) -> str:
    """A ticket by hand in the team of the agent."""
    wish = {"title": "会员重复扣费", "description": "一个月扣了两次", "team_id": "general"}
    made = await house.call("POST", "/tickets", 201, agent, wish)
    await house.call("POST", f"/tickets/{made['serial']}/confirm", 200, agent)
    return str(made["serial"])


async def detail(house: House, serial: str, who: dict[str, str]) -> Json:
    return await house.call("GET", f"/tickets/{serial}", 200, who)


async def test_compensation_above_the_limit_waits_for_another_supervisor(house: House) -> None:
    agent, boss = await house.person("林小岛", "agent"), await house.person("沈明澈", "supervisor")
    serial = await ticket_of(house, agent)
    wish = {"kind": "refund", "amount": 9_900, "reason": "重复扣费"}
    made = await house.call("POST", f"/tickets/{serial}/compensations", 201, agent, wish)
    assert (made["state"], made["text"], made["may_withdraw"]) == ("waiting", "退款 99 元", True)
    await house.call("GET", "/compensations", 403, agent)
    await house.call("POST", f"/compensations/{made['id']}/decide", 403, agent, {"approve": True})
    waiting = (await house.call("GET", "/compensations", 200, boss))["items"]
    assert [(each["ticket"]["serial"], each["may_decide"]) for each in waiting] == [(serial, True)]
    refused = await house.call("POST", f"/compensations/{made['id']}/decide", 422, boss, {"approve": False})
    assert refused["error"]["message"] == "不批准时请写明原因。"
    await house.call("POST", f"/compensations/{made['id']}/decide", 200, boss, {"approve": True, "words": "同意"})
    shown = (await detail(house, serial, agent))["compensations"]
    assert [(each["state_text"], each["decided_name"]) for each in shown] == [("已批准", "沈明澈")]


async def test_an_admin_sets_fields_and_limits_and_the_audit_knows(house: House) -> None:
    agent, admin = await house.person("林小岛", "agent"), await house.person("小屿", "admin")
    wish = {"name": "套餐", "kind": "choice", "choices": ["月卡", "年卡"], "required": True, "shown": True}
    await house.call("POST", "/ticket-fields", 403, agent, wish)
    made = await house.call("POST", "/ticket-fields", 201, admin, wish)
    await house.call("POST", "/ticket-fields", 422, admin, {"name": "套餐", "kind": "choice", "choices": ["月卡"]})
    serial = await ticket_of(house, agent)
    refused = await house.call("POST", f"/tickets/{serial}/resolve", 422, agent, {"solution": "已退。"})
    assert refused["error"]["message"] == "解决之前请先填写：套餐。"
    version = (await detail(house, serial, agent))["version"]
    change = {"version": version, "fields": {made["key"]: "年卡"}, "tags": ["退款慢"], "cause": "platform"}
    await house.call("PATCH", f"/tickets/{serial}", 200, agent, change)
    found = await detail(house, serial, agent)
    assert (found["fields"][made["key"]], found["fields_missing"]) == ("年卡", [])
    assert (await house.call("GET", "/tickets/tags?q=退", 200, agent))["items"] == ["退款慢"]
    known = await house.call("GET", "/work-rules", 200, agent)
    assert known["mine"]["membership_days"] == 7
    known["limits"]["agent"]["membership_days"] = 10
    await house.call("PUT", "/work-rules", 403, agent, {"limits": known["limits"], "step_hours": known["step_hours"]})
    await house.call("PUT", "/work-rules", 200, admin, {"limits": known["limits"], "step_hours": known["step_hours"]})
    assert (await house.call("GET", "/work-rules", 200, agent))["mine"]["membership_days"] == 10
    changed = await house.call("PATCH", f"/ticket-fields/{made['key']}", 200, admin, {"disabled": True})
    assert changed["disabled"] is True
    actions = {each["action"] for each in (await house.call("GET", "/audit", 200, admin))["items"]}
    assert {"field.added", "field.changed", "work_rules.changed"} <= actions


async def test_following_snoozing_linking_and_many_at_once(house: House) -> None:
    agent = await house.person("林小岛", "agent")
    one, two = await ticket_of(house, agent), await ticket_of(house, agent)
    await house.call("POST", f"/tickets/{one}/follow", 204, agent)
    await house.call("POST", f"/tickets/{one}/links", 204, agent, {"other": two.lower(), "kind": "duplicate"})
    until = rfc3339(house.services.clock.now() + timedelta(hours=3))
    await house.call("POST", f"/tickets/{one}/snooze", 204, agent, {"until": until, "reason": "等财务"})
    found = await detail(house, one, agent)
    assert (found["following"], found["links"][0]["serial"], found["next_step_kind"]) == (True, two, "follow")
    assert found["snoozed_until"] is not None
    await house.call("DELETE", f"/tickets/{one}/links/{found['links'][0]['id']}", 204, agent)
    await house.call("DELETE", f"/tickets/{one}/snooze", 204, agent)
    await house.call("DELETE", f"/tickets/{one}/follow", 204, agent)
    wish = {"serials": [one, two, "FL-20200101-000001"], "priority": 2, "tags_add": ["大促"]}
    done = (await house.call("POST", "/tickets/bulk", 200, agent, wish))["items"]
    assert [each["ok"] for each in done] == [True, True, False]
    assert done[2]["error"]["code"] == "not_found"
    found = await detail(house, one, agent)
    assert (found["priority"], found["tags"], found["links"]) == (2, ["大促"], [])


async def test_a_step_may_be_a_promise_and_a_result_says_what_its_kind_needs(house: House) -> None:
    agent = await house.person("林小岛", "agent")
    _, serial = await house.customer("充值没有到账 怎么办", "转人工")
    await house.call("POST", f"/tickets/{serial}/open", 201, agent, {"reason": "同事请我看一下"})
    at = rfc3339(house.services.clock.now() + timedelta(hours=3))
    step = {"text": "核对账单后回电", "at": at, "kind": "callback", "tell": True}
    await house.call("POST", f"/tickets/{serial}/next-step", 200, agent, step)
    found = await detail(house, serial, agent)
    assert (found["promised_at"], found["next_step_told"], found["next_step_kind"]) == (at, True, "callback")
    assert "给您回电" in found["messages"][-1]["text"]
    past = rfc3339(house.services.clock.now() - timedelta(hours=3))
    await house.call("POST", f"/tickets/{serial}/next-step", 422, agent, {**step, "at": past})
    wish = {"result_kind": "unsolvable", "reason": "版权到期"}
    await house.call("POST", f"/tickets/{serial}/resolve", 422, agent, wish)
    wish |= {"alternative": "送您同类影片的观看券", "cause": "third_party", "cause_text": "版权方下架"}
    await house.call("POST", f"/tickets/{serial}/resolve", 200, agent, wish)
    found = await detail(house, serial, agent)
    assert (found["result_kind"], found["alternative"], found["cause"]) == (
        "unsolvable",
        wish["alternative"],
        "third_party",
    )


async def test_a_talk_about_two_matters_is_split_by_its_messages(house: House) -> None:
    agent = await house.person("林小岛", "agent")
    _, serial = await house.customer("充值没有到账 怎么办", "转人工", "另外 鞋子质量差 想退货")
    await house.call("POST", f"/tickets/{serial}/open", 201, agent, {"reason": "同事请我看一下"})
    await house.call("POST", f"/tickets/{serial}/confirm", 200, agent)
    said = (await detail(house, serial, agent))["messages"]
    chosen = [each["id"] for each in said if "鞋子" in each["text"]]
    wish = {"message_ids": chosen, "title": "鞋子退货", "team_id": "general"}
    made = await house.call("POST", f"/tickets/{serial}/split", 201, agent, wish)
    assert (made["title"], made["state"]) == ("鞋子退货", "new")
    assert [each["id"] for each in (await detail(house, made["serial"], agent))["messages"]] == chosen
