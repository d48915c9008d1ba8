"""Sockets cut in the middle of a talk: nothing is missing and nothing is there twice, on either side."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.customer import Widget
from tests.browser.staff import Desk
from tests.browser.watch import Watch
from tests.fixtures.system import System


def test_a_talk_survives_a_lost_network_and_a_killed_gateway(
    system: System, watch: Watch, new_page: Callable[..., Page], new_desk: Callable[[str], Desk]
) -> None:
    agent = new_desk("agent")
    agent.be("在线")
    widget = Widget.on_shop(new_page(), system)
    widget.say("转人工")
    expect(widget.queue_card).to_be_visible()
    agent.accept_first()
    agent.reply("第一句，都在线。")
    expect(widget.bubbles("agent").last).to_contain_text("第一句")

    with watch.network_cut(), watch.refusals(502, 503):
        # The customer's network goes; both go on writing.
        widget.page.context.set_offline(True)
        expect(widget.root.get_by_text("网络已断开")).to_be_visible()
        widget.say("第二句，顾客离线时写的。")
        agent.reply("第三句，顾客离线时客服写的。")
        agent.reply("第四句，客服又写了一句。")
        widget.page.context.set_offline(False)
        expect(widget.bubbles("agent").last).to_contain_text("第四句")
        send_again(widget)
        expect(agent.page.get_by_role("log").get_by_text("第二句")).to_be_visible()

        # Then the agent's.
        agent.page.context.set_offline(True)
        widget.say("第五句，客服离线时写的。")
        expect(widget.bubbles("own").last).to_contain_text("已送达")
        agent.page.context.set_offline(False)
        expect(agent.page.get_by_role("log").get_by_text("第五句")).to_be_visible()

        # Then the gateway itself, while both are writing.
        system.kill_gateway()
        widget.say("第六句，网关刚倒下。")
        expect(widget.root.get_by_text("连接中断")).to_be_visible()
        expect(widget.root.get_by_text("连接中断")).to_be_hidden(timeout=90_000)
        send_again(widget)
        expect(agent.page.get_by_role("log").get_by_text("第六句")).to_be_visible(timeout=60_000)
        agent.reply("第七句，网关又起来了。")
        expect(widget.bubbles("agent").last).to_contain_text("第七句")

    ours = ["第一句", "第二句", "第三句", "第四句", "第五句", "第六句", "第七句"]
    assert sorted(in_order(widget.texts(), ours)) == sorted(ours)
    assert in_order(widget.texts(), ours) == in_order(agent.texts(), ours)
    # And so it is for who comes anew.
    agent.page.reload()
    expect(agent.page.get_by_role("log").get_by_text("第七句")).to_be_visible()
    assert in_order(widget.texts(), ours) == in_order(agent.texts(), ours)
    agent.resolve("已经好了。")


def send_again(widget: Widget) -> None:
    """What could not be sent is back in the field; the customer presses Enter once more."""
    if widget.field.input_value() != "":
        widget.field.press("Enter")


def in_order(texts: list[str], ours: list[str]) -> list[str]:
    """Which of our sentences stand there, in their order, each as often as it does."""
    return [each for text in texts for each in ours if text.startswith(each)]
