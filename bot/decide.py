"""What to do with a turn: one pure function of what is known.

The order is the product's promise: wish for a person > active form (interrupted by an exact alias or an answer above
the threshold) > exact alias > task intent > zones of the knowledge base > offer of a person after failed turns.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.assistant import AssistantTurn, Said
from bot.types import Found, HandoffReason, SearchAnswer
from bot.wish import Wish

# A task is begun only when the assistant is sure; below, the knowledge base is asked first.
TASK_CONFIDENCE = 0.8
FAILURES_BEFORE_OFFER = 2
# From here on a customer is angry rather than unhappy.
ANGRY = 0.8

# What the assistant may want beyond leaving the answer to the knowledge base.
_SILENT = frozenset({"faq", "unknown", "error"})

# A candidate below this is shown to nobody: reading it costs more than it can bring.
_HARDLY = 0.005


class Decided(StrEnum):
    """Why this answer; stands on the exchange."""

    WISH = "wish"
    RULE = "rule"
    FORM = "form"
    ALIAS = "alias"
    TASK = "task"
    ANSWER = "answer"
    ASK = "ask"
    OFFER = "offer"
    FALLBACK = "fallback"
    PERSON = "person"
    WAITING = "waiting"
    CHOICE = "choice"
    CONTACT = "contact"


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known when the turn is decided. `failed_turns` counts those before this one."""

    search: SearchAnswer
    assistant: AssistantTurn | None = None
    wish: Wish = Wish.NONE
    rule: str | None = None
    form_open: bool = False
    failed_turns: int = 0
    emotion: float = 0.0
    small_talk: str | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do. At most one of `article`, `ask` and `handoff` is there; `said` is carried out after them."""

    decided: Decided
    article: Found | None = None
    ask: tuple[Found, ...] = ()
    said: tuple[Said, ...] = ()
    handoff: HandoffReason | None = None
    offer: bool = False
    failed: bool = False
    text_id: str | None = None
    used_assistant: bool = False


def decide(known: Situation) -> Decision:
    """Choose. Never returns something that says nothing."""
    if known.wish is Wish.PERSON:
        return Decision(Decided.WISH, handoff=HandoffReason.EXPLICIT_WISH)
    if known.wish is Wish.IS_THIS_ONE:
        return Decision(Decided.TASK, text_id="bot.i_am_a_bot", offer=True)
    if known.rule == "legal":
        return Decision(Decided.RULE, handoff=HandoffReason.RULE)
    return _form(known) or _alias(known) or _task(known) or _zones(known)


def _form(known: Situation) -> Decision | None:
    """A form that was open before this message: its word counts, unless the customer asked something else."""
    turn = known.assistant
    if not known.form_open or turn is None:
        return None
    if _found(known) and (known.search.exact or (known.search.decision == "answer" and _said_faq(turn))):
        decided = Decided.ALIAS if known.search.exact else Decided.ANSWER
        return Decision(decided, article=known.search.results[0], said=_wants(turn), used_assistant=True)
    said = _wants(turn)
    if not said:
        return None
    return _carry_out(known, Decided.FORM, said)


def _alias(known: Situation) -> Decision | None:
    if known.search.exact and _found(known):
        return Decision(Decided.ALIAS, article=known.search.results[0])
    return None


def _task(known: Situation) -> Decision | None:
    turn = known.assistant
    if turn is None or turn.confidence < TASK_CONFIDENCE or not _wants(turn):
        return None
    return _carry_out(known, Decided.TASK, _wants(turn))


def _zones(known: Situation) -> Decision:
    if _found(known) and known.search.decision == "answer":
        offer = known.emotion >= ANGRY or known.rule is not None
        return Decision(Decided.ANSWER, article=known.search.results[0], offer=offer)
    if known.rule is not None:
        return Decision(Decided.RULE, handoff=HandoffReason.RULE)
    if _found(known) and known.search.decision == "ask":
        return Decision(Decided.ASK, ask=worth_asking(known.search))
    if known.wish is Wish.NO_PERSON:
        return Decision(Decided.TASK, text_id="bot.no_person_then")
    turn = known.assistant
    unsure = () if turn is None else _wants(turn)
    if unsure and not any(said.kind == "handoff" for said in unsure):
        return _carry_out(known, Decided.TASK, unsure)
    if known.small_talk is not None:
        return Decision(Decided.TASK, text_id=known.small_talk)
    return _give_up(known)


def _give_up(known: Situation) -> Decision:
    enough = known.failed_turns + 1 >= FAILURES_BEFORE_OFFER
    if enough or known.emotion >= ANGRY or _unsure_wish(known):
        return Decision(Decided.OFFER, failed=True, offer=True, text_id="bot.offer_person")
    out_of_scope = known.assistant is not None and any(
        said.kind == "unknown" and said.params.get("out_of_scope") for said in known.assistant.said
    )
    text_id = "scope.out" if out_of_scope else "bot.not_understood"
    return Decision(Decided.FALLBACK, failed=True, offer=True, text_id=text_id, used_assistant=out_of_scope)


def _carry_out(known: Situation, decided: Decided, said: tuple[Said, ...]) -> Decision:
    wishes = [each for each in said if each.kind == "handoff"]
    if wishes and known.wish is not Wish.NO_PERSON:
        complaint = wishes[0].params.get("reason") == "complaint"
        reason = HandoffReason.COMPLAINT if complaint else HandoffReason.EXPLICIT_WISH
        return Decision(decided, handoff=reason, said=tuple(wishes), used_assistant=True)
    rest = tuple(each for each in said if each.kind != "handoff")
    if not rest:
        return Decision(Decided.TASK, text_id="bot.no_person_then")
    return Decision(decided, said=rest, used_assistant=True)


def _found(known: Situation) -> bool:
    return bool(known.search.results)


def _wants(turn: AssistantTurn) -> tuple[Said, ...]:
    return tuple(said for said in turn.said if said.kind not in _SILENT)


def _said_faq(turn: AssistantTurn) -> bool:
    return any(said.kind == "faq" for said in turn.said)


def _unsure_wish(known: Situation) -> bool:
    """The assistant half heard a wish for a person: offering one is right, moving the customer is not."""
    return known.assistant is not None and any(said.kind == "handoff" for said in known.assistant.said)


def worth_asking(search: SearchAnswer) -> tuple[Found, ...]:
    """Up to three candidates; the best always, the others when they are not plainly out of the question."""
    best, *others = search.results[:3]
    return (best, *(each for each in others if each.probability >= _HARDLY))
