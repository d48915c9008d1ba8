"""Playbooks as values: the delivered ones make sense, and what is missing is told in their order."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.clock import UTC
from core.errors import Invalid
from tests.tickets.world import START
from tickets.categories import Tree
from tickets.categories import delivered as delivered_tree
from tickets.playbooks import plan, signature
from tickets.playbooks.service import filled
from tickets.store import Ticket

PLAYBOOKS = plan.delivered()
TREE = Tree(delivered_tree())
_BLANK = dict.fromkeys(Ticket.__dataclass_fields__)


def ticket(category_id: str, **values: object) -> Ticket:
    """A ticket of which only the named is known."""
    return replace(Ticket(**{**_BLANK, "fields": {}, "category_id": category_id}), **values)  # type: ignore[arg-type]  # blank on purpose


def test_the_delivered_ones_name_categories_that_exist_once() -> None:
    """Every category has one playbook at most, and each is read back as it was written."""
    named = [each for playbook in PLAYBOOKS for each in playbook.categories]
    assert len(set(named)) == len(named)
    assert all(TREE.node(each) for each in named)
    assert [plan.parse(plan.to_data(each)) for each in PLAYBOOKS] == list(PLAYBOOKS)
    assert [each.id for each in PLAYBOOKS] == ["technical", "content", "commercial", "suggestion"]


@pytest.mark.parametrize(
    ("category", "playbook"),
    [
        ("technical/playback", "technical"),
        ("technical/account", None),
        ("content/report", "content"),
        ("content/enquiry", None),
        ("commerce/goods", "commercial"),
        ("advice/feature", "suggestion"),
        ("payment/refund", None),
        ("unsorted", None),
    ],
)
def test_a_category_has_its_playbook(category: str, playbook: str | None) -> None:
    """Its own before its branch's."""
    found = plan.choose(PLAYBOOKS, category)
    assert (found.id if found else None) == playbook


def test_a_branch_lends_its_playbook_unless_a_category_has_its_own() -> None:
    """Most precise first; archived ones count for nothing."""
    branch = plan.parse({"id": "a", "name": "甲", "categories": ["payment"], "steps": [{"id": "x", "title": "一"}]})
    own = plan.parse({"id": "b", "name": "乙", "categories": ["payment/refund"], "steps": [{"id": "x", "title": "一"}]})
    assert plan.choose([branch, own], "payment/refund") == own
    assert plan.choose([branch, replace(own, archived=True)], "payment/refund") == branch


def test_what_is_missing_is_told_in_order_and_only_where_it_applies() -> None:
    """A punishment must be carried out and told; without one neither step is wanted."""
    content = PLAYBOOKS[1]
    matter = ticket("content/report")
    assert plan.missing(content, matter, [], "solved") == ["处理级别", "依据的规则", "固定证据"]
    banned = replace(matter, fields={"violation_level": "ban", "violation_rule": "社区规则 3.2"})
    assert plan.missing(content, banned, ["evidence"], "solved") == ["执行处理", "告知当事人"]
    spared = replace(matter, fields={"violation_level": "none", "violation_rule": "未发现违规"})
    assert plan.missing(content, spared, ["evidence"], "solved") == []
    assert plan.missing(content, matter, [], "withdrawn") == []
    assert plan.missing(content, matter, [], "follow_up") == []
    wrong = replace(matter, fields={"violation_level": "hang", "violation_rule": "x"})
    assert plan.missing(content, wrong, ["evidence"], "solved") == ["处理级别"]


def test_columns_of_the_ticket_count_as_known() -> None:
    """The cause stands in its own column, the promised time is a time."""
    technical, commercial = PLAYBOOKS[0], PLAYBOOKS[2]
    assert plan.missing(technical, ticket("technical/client"), [], "unsolvable") == ["根因"]
    assert plan.missing(technical, ticket("technical/client", cause="platform"), [], "solved") == []
    goods = ticket("commerce/goods", fields={"plan": "refund"}, promised_at=START.astimezone(UTC))
    assert plan.missing(commercial, goods, ["plan"], "solved") == []


def test_what_makes_no_sense_is_refused() -> None:
    """Steps without names, ids that stand twice, choices without options."""
    step = {"id": "x", "title": "一"}
    wrongs: tuple[dict[str, object], ...] = (
        {"steps": []},
        {"steps": [step, step]},
        {"steps": [{"id": "x", "title": " "}]},
        {"steps": [step], "fields": [{"key": "a", "title": "甲", "kind": "choice"}]},
        {"steps": [step], "fields": [{"key": "a", "title": "甲", "results": ["magic"]}]},
        {"steps": [step], "name": " "},
    )
    for wrong in wrongs:
        with pytest.raises(Invalid):
            plan.parse({"id": "a", "name": "甲", "categories": [], **wrong})


def test_a_fault_has_one_signature_however_it_is_told() -> None:
    """Category, device, version and symptom make it; too little makes none."""
    fields = {"device_model": "星海 X2", "app_version": "8.1.0"}
    one = signature.made(TREE, "technical/playback", "一看就黑屏", fields)
    assert one == signature.made(TREE, "technical/playback", "昨天起 黑屏 了", {**fields, "city": "杭州"})
    assert one != signature.made(TREE, "technical/playback", "一看就黑屏", {**fields, "app_version": "8.1.1"})
    assert one != signature.made(TREE, "technical/playback", "没声音", fields)
    assert signature.made(TREE, "technical/playback", "一看就黑屏", {}) is None
    assert signature.made(TREE, "technical/playback", "不知道", fields) is None
    assert signature.made(TREE, "payment/failed", "支付失败", fields) is None
    assert signature.entered(" play-1024 ") == "PLAY-1024"
    with pytest.raises(Invalid):
        signature.entered("两 个")


def test_templates_are_filled_with_what_is_known() -> None:
    """Placeholders only; what nobody knows stays as it is written."""
    assert filled("{name}您好,{serial}", name="小海", serial="FL-1") == "小海您好,FL-1"
    assert filled("{else}", name="x") == "{else}"
