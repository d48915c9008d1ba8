"""What customers say to the trained assistant, and what the gateway gets for it."""

from __future__ import annotations

import pytest

from tests.fixtures.assistant import Assistant

SAID = [
    ("你好", "greet"),
    ("在吗在吗", "greet"),
    ("谢谢你啊", "thanks"),
    ("那先这样,拜拜", "bye"),
    ("对的", "affirm"),
    ("不是的", "deny"),
    ("转人工", "ask_human"),
    ("轉人工客服", "ask_human"),
    ("给我找个真人客服", "ask_human"),
    ("我的工单处理得怎么样了", "ask_ticket_status"),
    ("催一下进度", "ask_ticket_status"),
    ("我要投诉你们", "complain"),
    ("什么垃圾平台", "complain"),
    ("建议增加夜间模式", "suggest"),
    ("希望能出个电视版", "suggest"),
    ("我要反馈一个问题", "report_problem"),
    ("看视频一直转圈圈", "report_problem"),
    ("密码忘了登不上去怎么办", "faq"),
    ("会员多少钱一个月", "faq"),
    ("怎麼取消自動續費", "faq"),
    ("今天天气怎么样", "out_of_scope"),
    ("给我讲个笑话", "out_of_scope"),
    ("算了不填了", "cancel"),
    ("我说错了,是上周五", "correct"),
    ("用的是联通的宽带", "inform"),
]

NOT_UNDERSTOOD = {"nlu_fallback", "out_of_scope"}


class TestUnderstanding:
    @pytest.mark.parametrize(("text", "intent"), SAID)
    def test_it_is_understood(self, assistant: Assistant, episode: str, text: str, intent: str) -> None:
        """One sentence of each kind, as people type, with traditional characters among them."""
        assert assistant.say(text, episode).state["intent"]["name"] == intent

    @pytest.mark.parametrize("text", ["😀😀😀", "…", "\u200b\u200d", "🙏", "锟斤拷", "龘靐齉", "qpwoeiruty zmxn"])
    def test_nonsense_is_not_taken_for_a_wish(self, assistant: Assistant, episode: str, text: str) -> None:
        """No feature at all, or nothing sure: the fallback speaks, and the gateway looks in the knowledge base."""
        turn = assistant.say(text, episode)
        assert turn.kinds == ["unknown"]
        assert turn.state["intent"]["name"] in NOT_UNDERSTOOD

    def test_width_case_and_script_do_not_matter(self, assistant: Assistant, episode: str) -> None:
        """Full width, capitals and traditional characters are one text to the assistant."""
        forms = ["我的WIFI是联通的", "我的ＷｉＦｉ是聯通的", "我的wifi是联通的"]
        answers = [assistant.say(text, episode).state for text in forms]
        assert {answer["intent"]["confidence"] for answer in answers} == {answers[0]["intent"]["confidence"]}
        assert all({"entity": "network_kind", "value": "wifi"} in answer["entities"] for answer in answers)

    def test_entities_are_found_in_the_middle_of_a_sentence(self, assistant: Assistant, episode: str) -> None:
        """Chinese has no word boundaries; tables that ask for them would find nothing here."""
        text = "我在杭州用的电信宽带,手机是note 12,安卓13,昨天晚上开始测速只有50mbps"
        found = {e["entity"]: e["value"] for e in assistant.say(text, episode).state["entities"]}
        assert found["city"] == "杭州"
        assert found["network_provider"] == "电信"
        assert found["device_model"] == "note 12"
        assert found["system_version"] == "安卓13"
        assert found["speed"] == "50mbps"
        assert found["since"].startswith("昨天晚上")

    def test_a_long_text_is_answered(self, assistant: Assistant, episode: str) -> None:
        turn = assistant.say("视频看不了," * 800, episode)
        assert turn.state["intent"]["name"] == "report_problem"


class TestTheForm:
    def test_a_problem_from_beginning_to_end(self, assistant: Assistant, episode: str) -> None:
        """What the browser tells is confirmed, the rest is asked, the answers come in one piece."""
        profile = {"device_model": "X13", "system_version": "Android 14", "network_kind": "wifi"}
        assert assistant.say("我要反馈个问题", episode, profile=profile).state["requested_slot"] == "problem"
        assert assistant.say("看电影一直转圈", episode).state["requested_slot"] == "since"
        turn = assistant.say("昨天晚上", episode)
        assert turn.text_ids == ["form.ask.profile"]
        assert [fact["value"] for fact in turn.customs[0]["params"]["facts"]] == ["X13", "Android 14", "wifi"]
        for answer, then in [("对", "app_version"), ("8.3.1", "network_provider"), ("电信", "city"), ("杭州", "speed")]:
            turn = assistant.say(answer, episode)
            assert (turn.state["active_form"], turn.state["requested_slot"]) == ("report_problem_form", then)
        turn = assistant.say("跳过", episode)
        assert turn.kinds == ["form_done"]
        assert turn.customs[0]["params"]["answers"] == {
            "problem": "看电影一直转圈",
            "since": "昨天晚上",
            **profile,
            "app_version": "8.3.1",
            "network_provider": "电信",
            "city": "杭州",
            "speed": "unknown",
        }
        assert turn.state["active_form"] is None
        assert assistant.say("谢谢", episode).text_ids == ["smalltalk.thanks"]

    @pytest.mark.parametrize(
        ("text", "kinds"),
        [
            ("算了", ["form_cancelled"]),
            ("转人工", ["handoff"]),
            ("你们什么垃圾平台", ["handoff"]),
            ("直接提交吧", ["form_done"]),
        ],
    )
    def test_it_can_be_left_at_any_question(
        self, assistant: Assistant, episode: str, text: str, kinds: list[str]
    ) -> None:
        assistant.say("电影一直黑屏", episode)
        turn = assistant.say(text, episode)
        assert (turn.kinds, turn.state["active_form"]) == (kinds, None)
        assert assistant.say("你好", episode).text_ids == ["smalltalk.greet"]

    def test_a_question_in_between_is_answered_and_the_form_goes_on(self, assistant: Assistant, episode: str) -> None:
        assistant.say("电影一直黑屏,昨天开始的", episode)
        turn = assistant.say("会员怎么退款", episode)
        assert turn.kinds == ["faq", "text", "text"]
        assert turn.state["requested_slot"] == "device_model"

    def test_two_useless_answers_do_not_hold_anybody(self, assistant: Assistant, episode: str) -> None:
        assistant.say("电影一直黑屏,昨天开始的", episode)
        for text_id in ["form.reask.device_model", "form.reask.device_model", "form.ask.system_version"]:
            assert assistant.say("😀", episode).text_ids == [text_id]

    def test_it_can_be_opened_twice_in_one_episode(self, assistant: Assistant, episode: str) -> None:
        for _ in range(2):
            assert assistant.say("电影一直黑屏", episode).state["active_form"] == "report_problem_form"
            assert assistant.say("算了", episode).kinds == ["form_cancelled"]

    def test_the_knowledge_base_comes_first_when_it_knows(self, assistant: Assistant, episode: str) -> None:
        """The rule that opens the form ends without one, and the next message finds the assistant listening."""
        assistant.actions.search = {"decision": "answer", "exact": False, "probability": 0.95}
        turn = assistant.say("视频一直卡", episode)
        assert (turn.kinds, turn.state["active_form"]) == (["faq"], None)
        assistant.actions.search = None
        assert assistant.say("谢谢", episode).text_ids == ["smalltalk.thanks"]

    def test_the_gateway_can_drop_it(self, assistant: Assistant, episode: str) -> None:
        assistant.say("电影一直黑屏", episode)
        turn = assistant.say("谢谢", episode, form="drop")
        assert (turn.text_ids, turn.state["active_form"]) == (["smalltalk.thanks"], None)


class TestChoices:
    def test_a_choice_is_trusted_whatever_its_label_says(self, assistant: Assistant, episode: str) -> None:
        """The label is in the customer's language; the id decides."""
        turn = assistant.say("Talk to a person", episode, choice="human")
        assert turn.kinds == ["handoff"]
        assert turn.state["intent"] == {"name": "ask_human", "confidence": 1.0}

    def test_a_choice_answers_a_question_of_the_form(self, assistant: Assistant, episode: str) -> None:
        assistant.say("反馈问题", episode, choice="report")
        assistant.say("视频黑屏打不开", episode)
        for _ in range(4):
            turn = assistant.say("跳过", episode, choice="skip")
        assert turn.state["requested_slot"] == "network_kind"
        turn = assistant.say("有线", episode, choice="set:network_kind:wired")
        assert turn.state["slots"]["network_kind"] == "wired"

    def test_words_alone_are_not_a_choice(self, assistant: Assistant, episode: str) -> None:
        """An id typed by a customer is text."""
        turn = assistant.say("set:network_kind:wired", episode)
        assert turn.state["slots"]["network_kind"] is None
