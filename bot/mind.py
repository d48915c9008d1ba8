"""The thinking half of a turn: ask the assistant and the knowledge base, decide, and put the outcome together.

Nothing is written here, and no transaction is open while anybody outside is waited for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import structlog

from bot import mood, taps, top, wish
from bot.assistant import Assistant, AssistantTurn, Question, Said
from bot.decide import ANGRY, FAILURES_BEFORE_OFFER, Decided, Decision, Situation, decide
from bot.outcome import ContactLeft, CustomerSaid, FormDone, Gap, HandOver, LeaveLine, Move, Outcome, Tapped
from bot.ports import Answers, Handoffs, Texts, TicketBook
from bot.replies import Replies, with_choice
from bot.store.episodes import Memory
from bot.store.exchanges import Finding
from bot.types import Found, HandoffReason, Mode, Reply, SearchAnswer, TicketRef
from bot.work import Work
from core.db import Database
from core.errors import AssistantBusy, AssistantUnavailable
from core.ids import TicketId
from core.masking import find_contact

log = structlog.get_logger(__name__)

NOTHING_FOUND = SearchAnswer("none", (), None)

# The knowledge base answers in tens of milliseconds. A gateway that has just started reads its dictionary and index
# first, which takes seconds on a busy machine: whoever asks then had better wait than hear that nothing was found.
_SEARCH_LIMIT_S = 4.5
_OUTLOOK_LIMIT_S = 1.5
# A search without the customer's words is no search.
_SEARCHED_CHARACTERS = 500
_ENDED = ("closed", "merged", "self_solved")


@dataclass(frozen=True, slots=True)
class _Heard:
    """What came back from outside. `stale`: the assistant was asked and its answer is not used."""

    search: SearchAnswer
    turn: AssistantTurn | None
    stale: bool


class Mind:
    """Thinks about one turn at a time; many at once is fine."""

    def __init__(
        self,
        db: Database,
        assistant: Assistant,
        answers: Answers,
        handoffs: Handoffs,
        tickets: TicketBook,
        texts: Texts,
    ) -> None:
        self._db = db
        self._assistant = assistant
        self._answers = answers
        self._handoffs = handoffs
        self._tickets = tickets
        self._texts = texts
        self._searches: dict[str, asyncio.Task[SearchAnswer]] = {}

    async def search_of(self, exchange_id: str) -> dict[str, Any] | None:
        """The search that runs beside the assistant's call for this exchange, as the action endpoint passes it on.

        None when this process has no such turn; waits for the search otherwise, so callers set a limit.
        """
        task = self._searches.get(exchange_id)
        if task is None:
            return None
        found = await asyncio.shield(task)
        probability = found.results[0].probability if found.results else 0.0
        return {"decision": found.decision, "exact": found.exact, "probability": probability}

    async def think(self, work: Work, request_id: str) -> Outcome:
        """The outcome of a turn. Neighbours that are down make it poorer, never an exception."""
        replies = Replies(self._texts, work.language)
        if work.conversation.mode is Mode.WAITING:
            return await self._in_line(work, replies)
        if work.tap is not None and taps.is_ours(work.tap):
            return await self._tapped(work, work.tap, replies)
        if work.only_files and not work.form_open:
            return Outcome(Finding(Decided.TASK), (replies.text("bot.attachment_received"),))
        if work.episode.memory.contact_wanted:
            # Nobody was there, and we asked for a way to be reached; on most channels there is no form for it.
            phone, email = find_contact(work.text)
            if phone or email:
                memory = replace(work.episode.memory, contact_wanted=False)
                return Outcome(Finding(Decided.CONTACT), moves=(ContactLeft(phone, email),), memory=memory)
        if (spoken := await self._to_the_top(work, replies)) is not None:
            return spoken
        emotion = mood.anger(work.text)
        heard = await self._hear(work, request_id) if work.asks else _unasked(work)
        situation = Situation(
            search=heard.search,
            assistant=heard.turn,
            # Who may not go to the head of the house yet is offered a person.
            wish=wish.Wish.PERSON if top.wants_head(work.text) else wish.detect(work.text),
            rule=mood.rule(work.text),
            form_open=work.form_open,
            failed_turns=work.episode.failed_turns,
            emotion=emotion,
            small_talk=_small_talk(work.text),
        )
        decision = decide(situation)
        return await self._outcome(work, decision, heard, emotion, replies)

    async def _to_the_top(self, work: Work, replies: Replies) -> Outcome | None:
        """找你们老板: one sentence is asked of who is entitled, and that sentence is taken there; else None."""
        finding, memory = Finding(Decided.WISH), replace(work.episode.memory, asked=None)
        asked = work.episode.memory.asked or ""
        if asked.startswith(top.ASKED):
            if top.takes_back(work.text):
                return Outcome(finding, (replies.text("bot.top.cancelled"),), memory=memory)
            said = CustomerSaid(TicketId(asked.removeprefix(top.ASKED)), "executive", work.text)
            return Outcome(finding, moves=(said,), memory=memory)
        if not top.wants_head(work.text):
            return None
        async with self._db.read() as tx:
            ref = await self._tickets.way_to_top(tx, work.customer.id)
        if ref is None:
            return None
        asks = replace(memory, asked=f"{top.ASKED}{ref.ticket_id}")
        return Outcome(finding, (replies.text("bot.top.ask", (), serial=ref.serial),), memory=asks)

    async def _hear(self, work: Work, request_id: str) -> _Heard:
        """Ask both at once. The search is on the board for the assistant's action while it runs."""
        search = asyncio.create_task(self._search(work.text))
        self._searches[work.key] = search
        try:
            turn, stale = await self._ask(work, request_id)
            return _Heard(await search, turn, stale)
        finally:
            self._searches.pop(work.key, None)
            search.cancel()

    async def _search(self, text: str) -> SearchAnswer:
        try:
            async with asyncio.timeout(_SEARCH_LIMIT_S):
                return await self._answers.search(text[:_SEARCHED_CHARACTERS])
        except Exception:
            log.exception("turn.search_failed")
            return NOTHING_FOUND

    async def _ask(self, work: Work, request_id: str) -> tuple[AssistantTurn | None, bool]:
        """The assistant's turn, and whether it may know of one that we do not use."""
        if not work.posted:
            return None, work.episode.memory.stale
        slot = work.episode.slot
        try:
            if work.posted_before:
                # A crash came after the post: what was said then counts, and asking twice would be a second turn.
                known = await self._assistant.recall(slot, work.episode.id, work.key)
                if known is not None:
                    return known, False
            question = Question(
                slot=slot,
                episode_id=work.episode.id,
                exchange_id=work.key,
                conversation_id=work.conversation.id,
                request_id=request_id,
                epoch=work.conversation.epoch,
                text=work.text,
                choice=work.tap,
                drop_form=work.drop_form,
                profile=_profile(work.customer.profile),
            )
            turn = await self._assistant.ask(question)
        except AssistantBusy:
            # It was not asked now; only what was asked before a crash may still be on its mind.
            return None, work.episode.memory.stale or work.posted_before
        except AssistantUnavailable as exc:
            log.warning("turn.assistant_unavailable", detail=exc.detail)
            return None, True
        return turn, False

    # What the customer pressed.

    async def _tapped(self, work: Work, tap: str, replies: Replies) -> Outcome:
        kind, _, value = tap.partition(":")
        finding = Finding(Decided.CHOICE)
        match kind:
            case "article":
                return await self._article_tapped(work, value, replies)
            case taps.NONE:
                return self._none_fits(work, replies)
            case taps.HUMAN:
                enough = work.episode.failed_turns >= FAILURES_BEFORE_OFFER
                reason = HandoffReason.FAILED_TURNS if enough else HandoffReason.EXPLICIT_WISH
                return await self._hand_over(work, finding, reason, (), {})
            case "rating" | "solved":
                # 「解决了吗」 belongs to the survey that stands open, or else to the present matter.
                ticket_id = work.conversation.survey_ticket_id
                if ticket_id is None and kind == "solved":
                    ticket_id = work.episode.ticket_id
                if ticket_id is None:
                    return Outcome(finding, (replies.text("bot.survey_closed"),))
                what = tap if kind == "rating" else {"yes": "solved"}.get(value, "not_solved")
                return Outcome(finding, moves=(CustomerSaid(ticket_id, what),))
            case "reopen":
                return Outcome(finding, moves=(CustomerSaid(TicketId(value), "reopen"),), memory=_forget(work))
            case taps.LEAVE_LINE:
                return Outcome(finding, (replies.text("bot.not_in_line"),))
            case _:
                return Outcome(finding, (replies.text("bot.new_matter"),), (_another(work),), memory=_forget(work))

    async def _article_tapped(self, work: Work, article_id: str, replies: Replies) -> Outcome:
        article = await self._answers.article(article_id)
        if article is None:
            return Outcome(Finding(Decided.CHOICE), (replies.text("bot.article_gone"),))
        question = work.episode.memory.question or article.question
        logged = {"article_id": article_id, "title": article.title, "revision": article.revision}
        return Outcome(
            Finding(Decided.CHOICE, articles=(logged,)),
            (replies.answer(article, offer=False),),
            (Tapped(question, article_id),),
            memory=_forget(work),
            category=article.category,
        )

    def _none_fits(self, work: Work, replies: Replies) -> Outcome:
        question = work.episode.memory.question or work.text
        enough = work.episode.failed_turns + 1 >= FAILURES_BEFORE_OFFER
        reply = replies.text("bot.offer_person" if enough else "bot.none_fits", (taps.HUMAN,))
        memory = replace(_forget(work), asked="person" if enough else None)
        return Outcome(
            Finding(Decided.CHOICE, failed=True),
            (reply,),
            (Tapped(question, None), Gap(question, None)),
            memory=memory,
        )

    async def _in_line(self, work: Work, replies: Replies) -> Outcome:
        finding = Finding(Decided.WAITING, answered_by="system")
        if work.tap == taps.LEAVE_LINE or wish.leaves_line(work.text):
            return Outcome(finding, moves=(LeaveLine(),))
        placed = await self._handoffs.place(work.conversation.id)
        return Outcome(
            finding, (replies.place(placed.queue_position if placed else None, placed.eta_s if placed else None),)
        )

    # What was decided.

    async def _outcome(
        self, work: Work, decision: Decision, heard: _Heard, emotion: float, replies: Replies
    ) -> Outcome:
        finding = _finding(decision, heard, emotion)
        memory = _remember(work, decision, heard)
        if decision.handoff is not None:
            first = _spoken(decision.said, replies)
            answers = _answers(decision.said)
            made = await self._hand_over(work, finding, decision.handoff, first, answers)
            return replace(made, memory=_merge(made.memory, memory))
        spoken: list[Reply] = []
        moves: list[Move] = []
        category = ""
        if decision.article is not None:
            article = await self._answers.article(decision.article.article_id)
            if article is None:
                spoken.append(replies.text("bot.article_gone"))
            else:
                category = article.category
                spoken.append(replies.answer(article, offer=decision.offer))
                if work.channel.kind == "web" and mood.stutters(work.text):
                    spoken.append(replies.speed_test())
        if decision.ask:
            spoken.append(replies.ask(decision.ask))
            memory = replace(memory, question=work.text)
        if decision.text_id is not None:
            spoken.append(replies.text(decision.text_id))
        for said in decision.said:
            match said.kind:
                case "affirm" | "deny" if work.episode.memory.asked is not None:
                    return await self._yes_or_no(work, said.kind == "affirm", finding, memory, replies)
                case "ticket_status":
                    spoken.append(replies.tickets(await self._tickets_of(work)))
                case "suggestion":
                    spoken += _spoken((said,), replies)
                    moves.append(FormDone("suggestion", {"text": str(said.params.get("text") or work.text)}))
                case "form_done":
                    spoken += _spoken((said,), replies)
                    moves.append(FormDone("report_problem", _answers((said,)), wants_person=True))
                    spoken = list(with_choice(spoken, replies.button(taps.HUMAN)))
                    memory = replace(memory, answers=_answers((said,)))
                case _:
                    spoken += _spoken((said,), replies)
        if decision.failed:
            nearest = heard.search if heard.search.results else None
            moves.append(Gap(work.text, nearest))
        found = tuple(spoken)
        if decision.offer or (emotion >= ANGRY and decision.article is not None):
            found = with_choice(found, replies.button(taps.HUMAN))
            memory = replace(memory, asked="person")
        found, memory = await self._same_as_before(work, found, memory, replies)
        return Outcome(finding, found, tuple(moves), memory=memory, category=category)

    async def _same_as_before(
        self, work: Work, spoken: tuple[Reply, ...], memory: Memory, replies: Replies
    ) -> tuple[tuple[Reply, ...], Memory]:
        """Ask once, at the first turn of an episode, whether the matter of last time is back."""
        # Thanks are the last word on the old matter, not the first on another.
        if not work.first_turn or not spoken or memory.form is not None or wish.thanks(work.text):
            return spoken, memory
        ref = await self._reopenable(work)
        if ref is None:
            return spoken, memory
        asked = replies.same_as_before(ref)
        if not spoken[-1].choices:
            return (*spoken, asked), replace(memory, asked=f"{taps.REOPEN}{ref.ticket_id}")
        # Only the newest buttons can be pressed, so the question joins those that are there.
        return with_choice(spoken, asked.choices[0]), memory

    async def _reopenable(self, work: Work) -> TicketRef | None:
        """The matter of last time, if a person dealt with it and it may still be opened again."""
        async with self._db.read() as tx:
            ref = await self._tickets.reopenable(tx, work.customer.id)
        return ref if ref is not None and ref.tier > 1 and ref.ticket_id != work.episode.ticket_id else None

    async def _yes_or_no(self, work: Work, yes: bool, finding: Finding, memory: Memory, replies: Replies) -> Outcome:
        """The answer to what we asked last."""
        asked = work.episode.memory.asked or ""
        memory = replace(memory, asked=None)
        if not yes and asked.startswith(taps.REOPEN):
            return Outcome(finding, (replies.text("bot.new_matter"),), (_another(work),), memory=memory)
        if not yes:
            return Outcome(finding, (replies.text("smalltalk.deny"),), memory=memory)
        if asked.startswith(taps.REOPEN):
            ticket_id = TicketId(asked.removeprefix(taps.REOPEN))
            return Outcome(finding, moves=(CustomerSaid(ticket_id, "reopen"),), memory=memory)
        enough = work.episode.failed_turns >= FAILURES_BEFORE_OFFER
        reason = HandoffReason.FAILED_TURNS if enough else HandoffReason.EXPLICIT_WISH
        made = await self._hand_over(work, finding, reason, (), {})
        return replace(made, memory=_merge(made.memory, memory))

    async def _hand_over(
        self,
        work: Work,
        finding: Finding,
        reason: HandoffReason,
        said: tuple[Reply, ...],
        answers: Mapping[str, Any],
    ) -> Outcome:
        """A person is wanted. What a request would meet is asked now, since nothing may be waited for later."""
        refs = await self._tickets_of(work)
        team_id = next((ref.team_id for ref in refs if ref.ticket_id == work.episode.ticket_id), None)
        try:
            async with asyncio.timeout(_OUTLOOK_LIMIT_S):
                outlook = await self._handoffs.outlook(team_id)
        except Exception:
            log.exception("turn.outlook_failed")
            outlook = "queue_down"
        memory = replace(work.episode.memory, asked=None, contact_wanted=outlook != "open")
        handover = HandOver(reason, outlook, team_id, mood.rule(work.text), answers)
        return Outcome(finding, said, handover=handover, memory=memory)

    async def _tickets_of(self, work: Work) -> list[TicketRef]:
        async with self._db.read() as tx:
            return list(await self._tickets.current(tx, work.customer.id))


def _another(work: Work) -> CustomerSaid:
    """「还是上次的问题吗?」 No."""
    return CustomerSaid(work.episode.ticket_id, "new_matter")


def _unasked(work: Work) -> _Heard:
    return _Heard(NOTHING_FOUND, None, work.episode.memory.stale)


def _finding(decision: Decision, heard: _Heard, emotion: float) -> Finding:
    turn = heard.turn
    return Finding(
        decision=decision.decided.value,
        intent=turn.intent if turn else None,
        confidence=turn.confidence if turn else None,
        articles=tuple(_logged(found) for found in heard.search.results[:5]),
        release_id=heard.search.release_id,
        model=turn.model if turn else None,
        failed=decision.failed,
        emotion=emotion,
    )


def _logged(found: Found) -> dict[str, Any]:
    return {
        "article_id": found.article_id,
        "question_id": found.question_id,
        "title": found.title,
        "score": round(found.score, 4),
        "probability": round(found.probability, 4),
    }


def _remember(work: Work, decision: Decision, heard: _Heard) -> Memory:
    """What to keep in mind after this turn. A form that the assistant opened and we did not show is stale."""
    memory, turn = work.episode.memory, heard.turn
    asked = None if decision.said or decision.article else memory.asked
    if turn is None:
        return replace(memory, asked=asked, stale=heard.stale, form=None if heard.stale else memory.form)
    used = decision.used_assistant or turn.active_form is None
    return replace(
        memory,
        form=turn.active_form if used else None,
        slots=dict(turn.slots),
        epoch=work.conversation.epoch,
        stale=not used,
        asked=asked,
    )


def _merge(made: Memory | None, heard: Memory) -> Memory:
    """What the hand-over wants kept, on top of what was heard in the same turn."""
    return heard if made is None else replace(heard, asked=None, contact_wanted=made.contact_wanted)


def _forget(work: Work) -> Memory:
    return replace(work.episode.memory, asked=None, question=None)


def _spoken(said: tuple[Said, ...], replies: Replies) -> tuple[Reply, ...]:
    return tuple(reply for reply in map(replies.said, said) if reply is not None)


def _answers(said: tuple[Said, ...]) -> dict[str, Any]:
    for each in said:
        found = each.params.get("answers")
        if isinstance(found, dict):
            return found
    return {}


def _small_talk(text: str) -> str | None:
    if wish.greets(text):
        return "bot.hello"
    return "bot.you_are_welcome" if wish.thanks(text) else None


def _profile(profile: Mapping[str, str]) -> dict[str, str]:
    """What the form may fill in; where the page came from is none of the assistant's business."""
    known = ("device_model", "system_version", "app_version", "network_kind", "network_provider", "city", "speed")
    return {key: profile[key] for key in known if profile.get(key)}


__all__ = ["ANGRY", "NOTHING_FOUND", "Mind"]
