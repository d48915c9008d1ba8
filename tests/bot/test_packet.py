"""The context packet tells an agent what the customer would otherwise have to say again."""

from __future__ import annotations

from bot.assistant import Said
from bot.store import customers
from tests.bot.world import World
from tests.fakes import ScriptedAssistant, turn_of


async def test_it_is_complete(world: World) -> None:
    assert isinstance(world.assistant, ScriptedAssistant)
    world.answers.known["退款"] = ("ask", False, ("会员退款", "商品退款"))
    met = await world.intake.meet(
        world.channel_ids["web"],
        "user:7",
        proven=True,
        name="小明",
        level="黑金",
        profile={"city": "杭州", "device_model": "某型号"},
    )
    async with world.db.begin() as tx:
        await customers.set_tags(tx, met.customer_id, [{"tag": "老会员", "reason": "三年"}])
    old = world.tickets.add(met.customer_id, state="in_progress", tier=1, title="发票没收到")
    world.assistant.answer = lambda _text: turn_of(
        Said("unknown"), intent="nlu_fallback", confidence=0.4, slots={"problem": "重复扣费", "city": None}
    )
    for text in ("你好", "上个月开始每月扣我两次会员费想退款", "还有发票也没收到,太差了", "转人工"):
        await world.says(text, who="user:7", proven=True)
    [wish] = world.handoffs.requests
    assert wish.priority == 2  # 黑金 members come first.
    packet = wish.packet
    assert set(packet) == {
        *("version", "reason", "detail", "intent", "confidence", "slots", "form", "articles", "failed_turns"),
        *("messages", "summary", "wants", "emotion", "mood", "customer", "device", "place", "tickets", "channel"),
    }
    assert packet["slots"] == {"problem": "重复扣费"}
    assert [each["title"] for each in packet["articles"]] == ["会员退款", "商品退款"]
    assert packet["failed_turns"] == 1
    assert packet["summary"] == "上个月开始每月扣我两次会员费想退款;还有发票也没收到,太差了"
    assert packet["wants"] == "还有发票也没收到,太差了"
    assert packet["emotion"] == 0.5
    assert packet["customer"]["level"] == "黑金"
    assert packet["customer"]["proven"] is True
    assert packet["customer"]["tags"] == [{"tag": "老会员", "reason": "三年"}]
    assert [each["serial"] for each in packet["tickets"]] == [old.serial]
    assert packet["channel"]["limits"] == {"max_chars": 4000}
    assert packet["messages"][-1]["text"] == "转人工"


async def test_it_holds_the_last_twenty_messages(world: World) -> None:
    world.answers.known["密码"] = ("answer", False, ("忘记密码",))
    for _ in range(15):
        await world.says("密码忘了")
    await world.says("转人工")
    messages = world.handoffs.requests[0].packet["messages"]
    assert len(messages) == 20
    assert [each["seq"] for each in messages] == list(range(12, 32))
