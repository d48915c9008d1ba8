"""What a customer wants before any model is asked: a person, the place in line, to leave it.

The phrases are few and fixed on purpose. A wish for a person must never depend on a classifier being up, and words
that only look like one (「人工智能」, 「不用转人工」, 「人工审核多久」) must not move anybody into a line.
"""

from __future__ import annotations

import re
from enum import StrEnum

from core.normaliser import normalise


class Wish(StrEnum):
    """What the text says about a person."""

    NONE = "none"
    PERSON = "person"  # wants one
    NO_PERSON = "no_person"  # says that none is needed
    IS_THIS_ONE = "is_this_one"  # asks whether this is one


# Typing slips that input methods make of 人工 and 客服 and 转.
_SLIPS = (
    (re.compile("[人仁任认][工公功供弓]"), "人工"),
    (re.compile("客[服福幅符]"), "客服"),
    (re.compile("[转传砖赚](?=人工|接|客服|到?真人)"), "转"),
)

# Things that are called 人工 and are nobody to talk to.
_NOT_A_PERSON = re.compile(
    "人工(智能|审核|核实|审查|复核|翻译|字幕|合成|湖|岛|呼吸|降雨|草坪|成本|费|处理(要|需|得|一般)?(多久|多长|几天|时间)|配音|降噪|标注|推荐|授精|耳蜗|关节)"
    "|真人(秀|版|剧|cs|快打|电影|动画|漫改|出演|头像|认证|演)|机器人总动员"
)

_PINYIN = re.compile(
    r"(z+h?r+g+|z(huan)?\s*rg|rg+|zhuan\s*(jie)?\s*ren\s*gong|ren\s*gong(\s*ke\s*fu)?|zhao\s*ren\s*gong|ke\s*fu"
    r"|zhuan\s*ke\s*fu|zhao\s*ke\s*fu|zkf)[.!?~ ]*"
)
_ENGLISH = re.compile(
    r"\b(agent|human|operator|representative|real person|live (chat|agent|person|support)|customer service)\b"
)
_ENGLISH_VERB = re.compile(r"\b(talk|speak|chat|connect|transfer|want|need|get|give|please|is there)\b")

_ASKS = re.compile(
    "(你|您|这|那边|对面|这边|现在)?.{0,4}(是|算)(不是)?(个)?.{0,3}(人工|真人|活人|机器人|人还是机器|客服)(客服)?.{0,8}(吗|么|嘛|还是|吧|呢|啊|\\?)"
    "|(是不是|到底是)(个)?(人工|真人|活人|机器人|机器)"
    "|你是(谁|什么|ai|机器人|人还是)"
    "|(are you|is this) (a |an )?(human|bot|robot|real|person|machine)"
)

_NO = "(不用|不要|不需要|先不|别|甭|无需|不必|没必要|不想|取消|算了不)"
_REFUSES = re.compile(
    f"{_NO}(了)?(再|给我|帮我|先|去|要|的)*(转接|转到|转|找|接|叫|联系|排)?(到)?(什么)?(人工|真人|客服)"
    "|(人工|真人|客服)(就)?(不用|不要|不需要|算了|不必)(了)?$"
)
# 「不要机器人」 refuses the machine, not the person.
_NO_MACHINE = re.compile(f"{_NO}(再)?(跟|和|让|用)?.{{0,3}}(机器人|机器|ai|智能客服|自动回复)")

_NOUN = (
    "((在线)?人工(坐席|座席|客服)?|真人|活人|(在线)?客服(人员|专员|小姐姐|小哥哥|小姐|妹妹|mm)?|坐席|座席|专员|接线员|话务员"
    "|工作人员|管理员|负责人|主管|经理|领导)"
)
_VERB = (
    "(转接|转到|转成|转|接通|接入|接|找|叫|喊|要|换|呼叫|联系|连线|进入|切换到|切换|切|上|来|请|给我|有没有|有|需要|想要|想跟|想和|想"
    "|跟|和|与|让|派|安排|帮我|麻烦|速|快|我要|能不能|可以|可不可以)"
)
_WANTS = re.compile(
    f"{_VERB}(我|一下|个|一个|位|一位|到|你们的|你们|的|给|下|去|吧|直接|在线)*{_NOUN}"
    f"|{_NOUN}(客服|服务|电话|热线|转接|在吗|在不在|在哪|呢|帮|来|出来|说话|聊|沟通|处理一下|接听|通道|入口|回复|解答)"
)
_BARE = re.compile(f"(我?要|请|喂|你好|您好|hi|hello|快|麻烦|那)?[,,!. ]*{_NOUN}(客服|服务)?[!?。.~呢啊吧呀哈 ]*")
_PEOPLE = re.compile(
    "(换|找|叫|来|要|有没有|有|给我|派|让)(我|一?个|位|真正的|活的|真的)*(人|活人|真人)(来)?(跟我|和我|给我)?(说|聊|处理|解决|回|对接|帮忙|帮我(看|处理|解决|弄)|帮$|吧|$)"
    "|(想|要)(跟|和)(真|活)?人(说|聊|对话|沟通|谈)"
)
# A question about customer service (「客服电话是多少」, 「客服几点上班」) is for the knowledge base, not for the line.
_ABOUT_SERVICE = re.compile(
    "(客服|人工)(的)?.{0,4}(电话|热线|号码|邮箱|微信号|几点|什么时候|上班|下班|工作时间|服务时间|时间|在哪|入口|怎么联系)"
)

_PLACE = re.compile(
    "(前面|前边|还|我前面).{0,4}(有|排|多少|几).{0,3}(人|位|个|号)|还要(等|排)?(多久|多长|几分钟)|(等|排).{0,3}(多久|多长|几分钟|到什么时候|到我)"
    "|排(队)?到(哪|第几|多少|几)|第几(个|位)|(什么时候|啥时候|何时).{0,3}(轮到|到我|有人|能接|接)|轮到我|怎么还没(人|有人|接)|有人(吗|在吗|没)|多久(能|才)?(有人|接|到)"
    "|how (long|many)|my (place|position)|^\\?+$"
)
_LEAVES = re.compile(
    "(取消|退出|离开|不排|不想排|不等|结束)(排队|等待|队列|转人工|人工|队|了)|不(用|要|需要)(转|等|排)?(人工|客服|排队|等)?了$|^(取消|算了|不等了|不排了)$"
    "|(leave|quit|exit) (the )?(line|queue)|^cancel$"
)

_GREETING = re.compile(
    "(你好|您好|hi|hello|hey|在吗|在么|在不在|有人吗|哈喽|嗨|早上好|下午好|晚上好|早|亲)[呀啊哈吗 ,,.!?~。]*"
)
# The way in which many people say hello to a shop; nobody is wanted yet.
_HELLO = re.compile("(你好|您好|请问|喂)?[, ]*(有人|客服|小姐姐)(在吗|在不在|在么|吗|么)[?!. ]*")
_THANKS = re.compile(
    "(非常|太|多|好的|嗯|ok)?[, ]*(谢谢|感谢|多谢|谢了|thanks|thank you|thx)(你|您|啦|了|哈)*[.!~。 ]*"
)

_EDGES = " ,.?!"

# Longer texts are stories, in which 客服 and 人工 are mentioned rather than asked for.
_STORY_CHARACTERS = 60


def detect(text: str) -> Wish:
    """What the text says about a person."""
    said = _said(text)
    if not said:
        return Wish.NONE
    if _PINYIN.fullmatch(said):
        return Wish.PERSON
    if _HELLO.fullmatch(said):
        return Wish.NONE
    bare = _NOT_A_PERSON.sub("", said)
    if _ASKS.search(bare) and not _wants(_ASKS.sub("", bare).strip(_EDGES)):
        return Wish.IS_THIS_ONE
    if _REFUSES.search(bare) and not _NO_MACHINE.search(bare):
        return Wish.NO_PERSON
    return Wish.PERSON if _wants(bare) else Wish.NONE


def asks_place(text: str) -> bool:
    """Whether somebody in the line asks how long it takes."""
    return bool(_PLACE.search(_said(text)))


def leaves_line(text: str) -> bool:
    """Whether somebody in the line wants out of it."""
    return bool(_LEAVES.search(_said(text)))


def greets(text: str) -> bool:
    """Whether the text is nothing but a greeting."""
    return bool(_GREETING.fullmatch(normalise(text)))


def thanks(text: str) -> bool:
    """Whether the text is nothing but thanks."""
    return bool(_THANKS.fullmatch(normalise(text)))


def _said(text: str) -> str:
    said = normalise(text)
    for pattern, right in _SLIPS:
        said = pattern.sub(right, said)
    return said


def _wants(said: str) -> bool:
    if said and (_BARE.fullmatch(said) or said in ("我要人", "要人", "找人")):
        return True
    if _ENGLISH.search(said) and (_ENGLISH_VERB.search(said) or len(said) < 24):
        return True
    if _NO_MACHINE.search(said) and len(said) <= _STORY_CHARACTERS:
        return True
    if "转人工" in said:
        return len(said) <= _STORY_CHARACTERS or said.rstrip("!。.吧~ ").endswith("转人工")
    if len(said) > _STORY_CHARACTERS or _ABOUT_SERVICE.search(said):
        return False
    return bool(_WANTS.search(said) or _PEOPLE.search(said))
