"""The assistant's actions as pure functions: an action call in, events and messages out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.actions import TURN, VALIDATE_FORM, exchange_id, run_action
from bot.problem_form import NETWORK_KINDS, SLOTS, UNKNOWN

TEXTS = json.loads((Path(__file__).parents[2] / "nlu" / "texts.json").read_text(encoding="utf-8"))


class Talk:
    """A conversation with the actions alone; keeps slots as Rasa would."""

    def __init__(self) -> None:
        self.slots: dict[str, Any] = dict.fromkeys((*SLOTS, "form_state", "requested_slot"))
        self.active = False

    def say(
        self,
        text: str,
        intent: str = "inform",
        confidence: float = 0.95,
        entities: dict[str, str] | None = None,
        search: dict[str, Any] | None = None,
        **metadata: Any,
    ) -> list[dict[str, Any]]:
        """Returns the payloads of the turn, bookkeeping last."""
        found = [
            {"entity": k, "value": v, "start": text.find(v), "end": text.find(v) + len(v)}
            for k, v in (entities or {}).items()
        ]
        in_form = self.active or intent == "report_problem"
        payload = call(VALIDATE_FORM if in_form else TURN, text, intent, confidence, found, self.slots, metadata)
        if search:
            payload["search"] = search
        result = run_action(payload)
        if in_form:
            self.active = True
        for event in result["events"]:
            if event["event"] == "slot":
                self.slots[event["name"]] = event["value"]
            else:
                assert event == {"event": "active_loop", "name": None}
                self.active = False
        customs = [response["custom"] for response in result["responses"]]
        assert customs[-1]["kind"] == "turn"
        assert bool(customs[-1]["active_form"]) is self.active
        assert (self.slots["requested_slot"] is not None) is self.active
        return customs

    def asks(self) -> str | None:
        slot: str | None = self.slots["requested_slot"]
        return slot


def call(
    action: str,
    text: str = "你好",
    intent: str = "greet",
    confidence: float = 0.95,
    entities: list[dict[str, Any]] | None = None,
    slots: dict[str, Any] | None = None,
    metadata: dict[str, Any] | None = None,
) -> dict[str, Any]:
    message = {
        "text": text.lower(),
        "intent": {"name": intent, "confidence": confidence},
        "intent_ranking": [{"name": intent, "confidence": confidence}, {"name": "faq", "confidence": 0.01}],
        "entities": entities or [],
    }
    user = {"event": "user", "text": text, "metadata": {"exchange_id": "x-1", "request_id": "r-1", **(metadata or {})}}
    tracker = {"slots": slots or {}, "latest_message": message, "events": [user, {"event": "action"}]}
    return {"next_action": action, "sender_id": "episode-1", "version": "3.6.21", "tracker": tracker}


def kinds(customs: list[dict[str, Any]]) -> list[str]:
    return [c["kind"] for c in customs[:-1]]


def text_ids(customs: list[dict[str, Any]]) -> list[str | None]:
    return [c["text_id"] for c in customs[:-1]]


@pytest.fixture
def talk() -> Talk:
    return Talk()


class TestOutsideTheForm:
    @pytest.mark.parametrize(
        ("intent", "kind", "text_id"),
        [
            ("greet", "text", "smalltalk.greet"),
            ("thanks", "text", "smalltalk.thanks"),
            ("bye", "text", "smalltalk.bye"),
            ("affirm", "affirm", "smalltalk.affirm"),
            ("deny", "deny", "smalltalk.deny"),
            ("ask_human", "handoff", "handoff.wish"),
            ("complain", "handoff", "handoff.complaint"),
            ("ask_ticket_status", "ticket_status", "ticket_status.lookup"),
            ("suggest", "suggestion", "suggestion.thanks"),
            ("cancel", "text", "dialogue.nothing_to_cancel"),
            ("faq", "faq", None),
            ("out_of_scope", "unknown", "scope.out"),
            ("inform", "unknown", None),
            ("correct", "unknown", None),
            ("nlu_fallback", "unknown", None),
            ("an_intent_of_tomorrow", "unknown", None),
        ],
    )
    def test_each_intent_has_its_kind(self, talk: Talk, intent: str, kind: str, text_id: str | None) -> None:
        """The gateway decides by kind; an intent it does not know is unknown, never silence."""
        customs = talk.say("…", intent)
        assert (kinds(customs), text_ids(customs)) == ([kind], [text_id])

    def test_the_turn_carries_what_the_exchange_records(self, talk: Talk) -> None:
        """One call per turn tells intent, confidence, ranking, entities, form and slots."""
        turn = talk.say("我在杭州", "inform", 0.7, {"city": "杭州"})[-1]
        assert turn["intent"] == {"name": "inform", "confidence": 0.7}
        assert turn["ranking"][0] == {"name": "inform", "confidence": 0.7}
        assert turn["entities"] == [{"entity": "city", "value": "杭州"}]
        assert (turn["exchange_id"], turn["request_id"]) == ("x-1", "r-1")
        assert turn["active_form"] is None
        assert set(turn["slots"]) == set(SLOTS)


class TestTheForm:
    def test_the_happy_path_asks_each_thing_once(self, talk: Talk) -> None:
        """Without a browser's help all nine are asked, in order, and handed over at the end."""
        assert text_ids(talk.say("我要反馈一个问题", "report_problem")) == ["form.intro", "form.ask.problem"]
        said = [
            ("problem", "看电影一直转圈", "report_problem", {}),
            ("since", "昨天晚上开始", "inform", {"since": "昨天晚上开始"}),
            ("device_model", "小屏安卓机", "inform", {}),
            ("system_version", "安卓14", "inform", {"system_version": "安卓14"}),
            ("app_version", "8.3.1", "inform", {}),
            ("network_kind", "用的wifi", "inform", {"network_kind": "wifi"}),
            ("network_provider", "电信", "inform", {"network_provider": "电信"}),
            ("city", "杭州", "inform", {"city": "杭州"}),
            ("speed", "50兆", "inform", {"speed": "50兆"}),
        ]
        for slot, text, intent, entities in said:
            assert talk.asks() == slot
            customs = talk.say(text, intent, entities=entities)
        assert kinds(customs) == ["form_done"]
        params = customs[0]["params"]
        assert params["answers"]["problem"] == "看电影一直转圈"
        assert params["answers"]["network_kind"] == "wifi"
        assert params["unknown"] == []
        assert not talk.active

    def test_a_problem_told_at_once_is_not_asked_again(self, talk: Talk) -> None:
        """The opening message is the problem unless it only says that there is one; what it holds is taken."""
        text = "看电影一直卡,昨天晚上开始的,我在杭州用的电信宽带"
        entities = {"since": "昨天晚上开始", "city": "杭州", "network_provider": "电信"}
        assert text_ids(talk.say(text, "report_problem", entities=entities)) == ["form.intro", "form.ask.device_model"]
        assert talk.slots["problem"] == text
        assert talk.slots["city"] == "杭州"

    @pytest.mark.parametrize(
        "text", ["我要反馈问题", "报修", "我要反馈一个bug", "帮我登记一个问题", "故障申报", "有问题要反馈"]
    )
    def test_the_bare_wish_to_report_is_not_the_problem(self, talk: Talk, text: str) -> None:
        talk.say(text, "report_problem")
        assert talk.asks() == "problem"

    def test_what_the_browser_tells_is_only_confirmed(self, talk: Talk) -> None:
        """Told values are shown in one question; 「对」 settles all of them."""
        profile = {
            "device_model": "X13",
            "system_version": "Android 14",
            "network_kind": "cellular",
            "city": "",
            "x": "y",
        }
        talk.say("视频黑屏", "report_problem", profile=profile)
        customs = talk.say("昨天", "inform", entities={"since": "昨天"})
        assert text_ids(customs) == ["form.ask.profile"]
        facts = {fact["label_id"]: fact["value"] for fact in customs[0]["params"]["facts"]}
        assert facts == {
            "form.label.device_model": "X13",
            "form.label.system_version": "Android 14",
            "form.label.network_kind": "mobile",
        }
        talk.say("对", "affirm")
        assert talk.asks() == "app_version"

    def test_a_wrong_profile_is_asked_for(self, talk: Talk) -> None:
        """「不对」 clears what was told; nothing that the customer denied reaches the ticket."""
        talk.say(
            "视频黑屏,从昨天开始", "report_problem", entities={"since": "从昨天开始"}, profile={"device_model": "X13"}
        )
        talk.say("不对", "deny")
        assert talk.asks() == "device_model"
        assert talk.slots["device_model"] is None

    def test_a_correction_in_the_answer_replaces_what_was_told(self, talk: Talk) -> None:
        """「不对,是平板」 needs no second question about the device."""
        profile = {"device_model": "X13"}
        talk.say("视频黑屏,从昨天开始", "report_problem", entities={"since": "从昨天开始"}, profile=profile)
        talk.say("不对,是平板", "correct", entities={"device_model": "平板"})
        assert talk.slots["device_model"] == "平板"
        assert talk.asks() == "system_version"

    @pytest.mark.parametrize("text", ["不知道", "跳过", "不记得了", "我也不清楚", "没测过", "不知道怎么看", "skip"])
    def test_not_knowing_is_an_answer(self, talk: Talk, text: str) -> None:
        talk.say("视频黑屏", "report_problem")
        talk.say(text, "inform", 0.5)
        assert talk.slots["since"] == UNKNOWN
        assert talk.asks() == "device_model"

    def test_the_rest_can_be_skipped_at_once(self, talk: Talk) -> None:
        talk.say("视频黑屏", "report_problem")
        customs = talk.say("后面的都不知道", "inform")
        assert (kinds(customs), text_ids(customs)) == (["form_done"], ["form.done_partial"])
        assert customs[0]["params"]["answers"]["problem"] == "视频黑屏"
        assert "city" in customs[0]["params"]["unknown"]

    def test_a_question_is_asked_at_most_three_times(self, talk: Talk) -> None:
        """Two repeats, then the form goes on without the answer."""
        talk.say("视频黑屏,昨天开始", "report_problem", entities={"since": "昨天开始"})
        assert talk.asks() == "device_model"
        talk.say("!!", "nlu_fallback", 0.4)
        customs = talk.say("??", "nlu_fallback", 0.4)
        assert text_ids(customs) == ["form.reask.device_model"]
        talk.say("...", "nlu_fallback", 0.4)
        assert talk.slots["device_model"] == UNKNOWN
        assert talk.asks() == "system_version"

    def test_cancelling_forgets_the_answers(self, talk: Talk) -> None:
        talk.say("视频黑屏", "report_problem")
        customs = talk.say("算了", "cancel")
        assert kinds(customs) == ["form_cancelled"]
        assert all(talk.slots[name] is None for name in SLOTS)

    def test_the_wish_for_a_person_ends_the_form_and_keeps_the_answers(self, talk: Talk) -> None:
        """Nobody explains twice: the hand-off carries what the form knows."""
        talk.say("视频黑屏,昨天开始", "report_problem", entities={"since": "昨天开始"})
        customs = talk.say("转人工", "ask_human")
        assert kinds(customs) == ["handoff"]
        assert customs[0]["params"] == {
            "reason": "wish",
            "answers": {"problem": "视频黑屏,昨天开始", "since": "昨天开始"},
        }
        assert talk.slots["problem"] == "视频黑屏,昨天开始"

    def test_anger_in_the_form_brings_a_person(self, talk: Talk) -> None:
        talk.say("视频黑屏", "report_problem")
        customs = talk.say("你们太差劲了", "complain")
        assert (kinds(customs), customs[0]["params"]["reason"]) == (["handoff"], "complaint")

    def test_another_question_is_answered_and_the_form_goes_on(self, talk: Talk) -> None:
        """The knowledge base answers, then the open question comes again."""
        talk.say("视频黑屏,昨天开始", "report_problem", entities={"since": "昨天开始"})
        customs = talk.say("会员怎么退款", "faq")
        assert kinds(customs) == ["faq", "text", "text"]
        assert text_ids(customs)[1:] == ["form.still_asking", "form.ask.device_model"]
        assert talk.asks() == "device_model"

    def test_an_exact_hit_of_the_search_interrupts_even_an_unsure_intent(self, talk: Talk) -> None:
        talk.say("视频黑屏,昨天开始", "report_problem", entities={"since": "昨天开始"})
        customs = talk.say("发票抬头", "inform", 0.6, search={"decision": "answer", "exact": True, "probability": 1.0})
        assert kinds(customs)[0] == "faq"

    def test_a_pressed_choice_counts_more_than_its_words(self, talk: Talk) -> None:
        talk.say("视频黑屏,昨天开始", "report_problem", entities={"since": "昨天开始"})
        for _ in range(3):
            talk.say("跳过", "inform", choice="skip")
        assert talk.asks() == "network_kind"
        talk.say("Wi-Fi", "inform", choice="set:network_kind:wifi")
        assert talk.slots["network_kind"] == "wifi"

    def test_a_forged_choice_sets_nothing(self, talk: Talk) -> None:
        """Only values that we offer can be set by id."""
        talk.say("视频黑屏", "report_problem")
        talk.say("x", "inform", 0.4, choice="set:network_kind:carrier pigeon")
        assert talk.slots["network_kind"] is None

    def test_going_back_asks_the_last_question_again(self, talk: Talk) -> None:
        talk.say("视频黑屏", "report_problem")
        talk.say("昨天", "inform", entities={"since": "昨天"})
        talk.say("上一题答错了", "correct")
        assert talk.asks() == "since"
        assert talk.slots["since"] is None

    def test_goodbye_hands_in_what_there_is(self, talk: Talk) -> None:
        talk.say("视频黑屏", "report_problem")
        assert kinds(talk.say("我先走了", "bye")) == ["form_done"]

    def test_a_second_problem_keeps_the_device(self, talk: Talk) -> None:
        """In one episode the device is told once; problem and time are asked anew."""
        talk.say("视频黑屏,昨天开始", "report_problem", entities={"since": "昨天开始"})
        talk.say("红色的平板", "inform", entities={"device_model": "平板"})
        talk.say("直接提交吧", "inform")
        talk.say("又闪退了", "report_problem")
        assert talk.asks() == "since"
        assert talk.slots["device_model"] == "平板"

    def test_the_gateway_can_drop_the_form(self, talk: Talk) -> None:
        """After an answer of its own the gateway's word counts: the message is read afresh."""
        talk.say("视频黑屏", "report_problem")
        customs = talk.say("谢谢", "thanks", form="drop")
        assert text_ids(customs) == ["smalltalk.thanks"]
        assert not talk.active

    def test_answers_are_kept_as_they_were_written(self, talk: Talk) -> None:
        """Understanding works on lower case; what people read keeps its capitals."""
        talk.say("App 闪退,昨天开始", "report_problem", entities={"since": "昨天开始"})
        talk.say("Pad 14 Pro", "inform", entities={"device_model": "pad 14 pro"})
        assert talk.slots["problem"] == "App 闪退,昨天开始"
        assert talk.slots["device_model"] == "Pad 14 Pro"

    def test_nonsense_is_asked_about_once_more(self, talk: Talk) -> None:
        talk.say("视频黑屏", "report_problem")
        talk.say("asdkfj qwoeiru", "out_of_scope", 0.7)
        assert (talk.asks(), talk.slots["since"]) == ("since", None)

    def test_another_matter_fills_no_slot_by_the_way(self, talk: Talk) -> None:
        """「今天天气怎么样」 says nothing about since when."""
        talk.say("视频黑屏,昨天开始", "report_problem", entities={"since": "昨天开始"})
        customs = talk.say("今天天气怎么样", "out_of_scope", entities={"since": "今天"})
        assert text_ids(customs) == ["scope.out", "form.still_asking", "form.ask.device_model"]
        assert talk.slots["since"] == "昨天开始"

    def test_an_app_version_inside_a_system_version_is_none(self, talk: Talk) -> None:
        talk.say("视频黑屏,昨天开始", "report_problem", entities={"since": "昨天开始"})
        talk.say("苹果手机", "inform", entities={"device_model": "苹果手机"})
        text = "ios 17.4.1"
        talk.say(text, "inform", entities={"system_version": text, "app_version": "17.4.1"})
        assert talk.slots["system_version"] == text
        assert talk.slots["app_version"] is None


class TestWhenTheFormOpens:
    def test_a_symptom_that_the_knowledge_base_answers_opens_no_form(self, talk: Talk) -> None:
        """First the article; only what it does not solve is recorded."""
        customs = talk.say(
            "视频卡", "report_problem", search={"decision": "answer", "exact": False, "probability": 0.95}
        )
        assert kinds(customs) == ["faq"]
        assert not talk.active

    @pytest.mark.parametrize("text", ["我要反馈视频卡", "试过了还是卡", "按你说的做了也不行"])
    def test_who_asks_to_record_or_has_tried_is_recorded(self, talk: Talk, text: str) -> None:
        talk.say(text, "report_problem", search={"decision": "answer", "exact": False, "probability": 0.95})
        assert talk.active


class TestTheBorder:
    def test_an_unknown_action_is_an_error_message_not_an_exception(self) -> None:
        result = run_action(call("action_from_elsewhere"))
        assert result["events"] == []
        assert result["responses"][0]["custom"]["kind"] == "error"
        assert result["responses"][0]["custom"]["exchange_id"] == "x-1"

    @pytest.mark.parametrize(
        "payload", [{}, {"next_action": TURN}, {"next_action": TURN, "tracker": None}, {"tracker": []}, []]
    )
    def test_a_broken_call_is_an_error_message(self, payload: Any) -> None:
        """Rasa drops the whole turn on any other answer, so nothing may be raised."""
        assert run_action(payload)["responses"][0]["custom"]["kind"] == "error"
        assert exchange_id(payload) is None

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
            max_leaves=8,
        )
    )
    def test_nothing_is_ever_raised(self, junk: Any) -> None:
        broken = call(VALIDATE_FORM)
        broken["tracker"]["slots"] = junk
        broken["tracker"]["latest_message"]["entities"] = junk
        json.dumps(run_action(broken))
        run_action({"next_action": TURN, "tracker": junk})

    @given(
        st.lists(
            st.tuples(
                st.text(max_size=40),
                st.sampled_from(["inform", "affirm", "deny", "correct", "faq", "greet", "nlu_fallback"]),
            ),
            max_size=40,
        )
    )
    def test_every_form_ends(self, said: list[tuple[str, str]]) -> None:
        """Whatever is said, a question is asked at most three times, and three more when the customer goes back."""
        talk = Talk()
        talk.say("视频黑屏", "report_problem", profile={"device_model": "X13"})
        asked: dict[str, int] = {}
        for text, intent in said:
            if not talk.active:
                break
            slot = talk.asks()
            assert slot is not None
            if intent != "correct":
                asked[slot] = asked.get(slot, 0) + 1
                assert asked[slot] <= 3 * (1 + sum(1 for _, i in said if i == "correct"))
            talk.say(text or "…", intent)

    def test_every_text_and_label_exists(self, talk: Talk) -> None:
        """A walk through the form names no text that the catalogue lacks, in either language."""
        said = [
            ("视频黑屏", "report_problem"),
            ("?", "nlu_fallback"),
            ("昨天", "inform"),
            ("会员多少钱", "faq"),
            ("跳过", "inform"),
        ]
        used: set[str] = set()
        for text, intent in said + [("不知道", "inform")] * 9:
            for custom in talk.say(text, intent, profile={"city": "杭州", "network_kind": "wifi"}):
                used |= {custom["text_id"]} - {None}
                used |= {choice["label_id"] for choice in custom["choices"]}
                for fact in custom["params"].get("facts", []):
                    used |= {fact["label_id"]} | ({fact["value_id"]} if "value_id" in fact else set())
        assert used <= set(TEXTS["zh-CN"])
        assert len(used) > 15


def test_both_languages_have_the_same_texts_with_the_same_places() -> None:
    """A text missing in one language would be shown as an id."""
    chinese, english = TEXTS["zh-CN"], TEXTS["en"]
    assert set(chinese) == set(english)
    for text_id, text in chinese.items():
        assert text.count("{") == english[text_id].count("{"), text_id
    wanted = {f"form.{kind}.{slot}" for kind in ("ask", "reask") for slot in (*SLOTS, "profile")}
    wanted |= {f"form.label.{slot}" for slot in SLOTS} | {f"form.value.{kind}" for kind in (*NETWORK_KINDS, UNKNOWN)}
    assert wanted <= set(chinese)
