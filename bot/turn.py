"""The writing half of a turn: one outcome, applied in one transaction, or recorded as dropped.

Order inside: the claim and the epoch are checked under the row's lock, replies are written, then the owner changes.
Whoever took the conversation meanwhile is never talked over.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from enum import StrEnum

import structlog

from bot import packet
from bot.decide import Decided
from bot.episodes import end_episode
from bot.outcome import ContactLeft, CustomerSaid, FormDone, Gap, HandOver, LeaveLine, Move, Outcome, Tapped
from bot.ports import Answers, Handoffs, Notifier, Texts, TicketBook
from bot.replies import Replies, payload
from bot.signals import tell_message, tell_state
from bot.store import conversations, customers, episodes, exchanges, messages
from bot.store.exchanges import Finding
from bot.taps import HUMAN
from bot.types import Author, Delivery, HandoffReason, HandoffRequest, Kind, Mode, Reply, TicketRef
from bot.work import Work, load
from core.clock import Clock
from core.db import Database, Tx
from core.errors import Conflict, Invalid, NotFound
from core.ids import MessageId
from core.masking import mask_email, mask_phone

log = structlog.get_logger(__name__)

# Higher than a usual wish: somebody is angry, or money or law is at stake.
_PRIORITIES = {HandoffReason.COMPLAINT: 2, HandoffReason.EMOTION: 2, HandoffReason.RULE: 2}
# Proven member levels that are served before others; a channel's profile may name its own (`vip_levels`).
_VIP_LEVELS = ("VIP", "SVIP", "黑金", "黑金会员", "钻石", "钻石会员")
_VIP_PRIORITY = 2
_DEFAULT_PRIORITY = 3


class Applied(StrEnum):
    """What became of an outcome."""

    DONE = "done"
    DROPPED = "dropped"  # the owner changed; recorded, not said
    LOST = "lost"  # the claim ran out and somebody else has the turn; nothing was written


class Hand:
    """Applies outcomes."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        answers: Answers,
        handoffs: Handoffs,
        tickets: TicketBook,
        texts: Texts,
        notifier: Notifier,
    ) -> None:
        self._db = db
        self._clock = clock
        self._answers = answers
        self._handoffs = handoffs
        self._tickets = tickets
        self._texts = texts
        self._notifier = notifier

    async def apply(self, work: Work, outcome: Outcome) -> Applied:
        """Write everything at once. Raises what the neighbours raise; nothing is half done then."""
        async with self._db.begin() as tx:
            applied = await self._check(tx, work)
            if applied is Applied.DONE:
                await self._write(tx, work, outcome)
            elif applied is Applied.DROPPED:
                await self._drop(tx, work, outcome)
            if applied is not Applied.LOST:
                await self._finish(tx, work)
            return applied

    async def apologise(self, work: Work) -> Applied:
        """Say sorry and offer a person, without any neighbour that may be the reason."""
        replies = Replies(self._texts, work.language)
        reply = replies.text("bot.sorry", (HUMAN,))
        finding = Finding(Decided.FALLBACK, failed=True)
        async with self._db.begin() as tx:
            applied = await self._check(tx, work)
            if applied is Applied.DONE:
                said = await self._say(tx, work, reply) if work.conversation.mode is Mode.BOT else None
                ids = [said] if said else []
                await exchanges.answer(tx, work.exchanges, finding, reply=ids, now=self._clock.now())
                memory = replace(work.episode.memory, asked="person", stale=True)
                await episodes.remember(tx, work.episode.id, memory, failed_turns=work.episode.failed_turns + 1)
            elif applied is Applied.DROPPED:
                await self._drop(tx, work, Outcome(finding, (reply,)))
            if applied is not Applied.LOST:
                await self._finish(tx, work)
            return applied

    async def _check(self, tx: Tx, work: Work) -> Applied:
        now = await conversations.get(tx, work.conversation.id, lock=True)
        if now.turn_owner != work.token:
            return Applied.LOST
        same = now.epoch == work.conversation.epoch and now.mode is work.conversation.mode
        return Applied.DONE if same else Applied.DROPPED

    async def _finish(self, tx: Tx, work: Work) -> None:
        fresh = await conversations.get(tx, work.conversation.id)
        more: bool | None = None
        if fresh.mode is Mode.WAITING:
            more = await load(tx, fresh, work.token) is not None
        await conversations.end_turn(tx, fresh.id, now=self._clock.now(), more=more)

    async def _drop(self, tx: Tx, work: Work, outcome: Outcome) -> None:
        """Record what would have been said: without a seq, seen by staff only."""
        if work.conversation.mode is Mode.WAITING:
            return  # Only the place in line was asked for; the person who came answers everything else.
        ids = [await self._say(tx, work, reply, delivery=Delivery.DROPPED) for reply in outcome.replies]
        await exchanges.drop(tx, work.exchanges, outcome.finding, reply=ids, now=self._clock.now())
        memory = replace(work.episode.memory, stale=work.episode.memory.stale or work.posted)
        await episodes.remember(tx, work.episode.id, memory)

    async def _write(self, tx: Tx, work: Work, outcome: Outcome) -> None:
        replies = Replies(self._texts, work.language)
        said = list(outcome.replies)
        ended = False
        for move in outcome.moves:
            more, ends = await self._move(tx, work, move, replies)
            said += more
            ended = ended or ends
        # A matter of last time that was opened again has taken the episode over.
        moved = any(isinstance(move, CustomerSaid) and move.what == "reopen" for move in outcome.moves)
        episode = await episodes.get(tx, work.episode.id) if moved else work.episode
        ids = [await self._say(tx, work, reply, ticket_id=episode.ticket_id) for reply in said]
        memory = outcome.memory or work.episode.memory
        if outcome.handover is not None:
            last, open_line = await self._hand_over(tx, work, outcome.handover, outcome.finding, replies)
            author = Author.SYSTEM if open_line else Author.BOT
            ids.append(await self._say(tx, work, last, author=author))
            memory = replace(memory, contact_wanted=not open_line)
            tell_state(tx, self._notifier, work.conversation.id)
        now = self._clock.now()
        await exchanges.answer(tx, work.exchanges, outcome.finding, reply=ids, now=now)
        failed = work.episode.failed_turns + (1 if outcome.finding.failed else 0)
        await episodes.remember(tx, work.episode.id, memory, failed_turns=failed, at=now)
        if memory.contact_wanted != work.episode.memory.contact_wanted:
            await conversations.bump_state(tx, work.conversation.id)
            tell_state(tx, self._notifier, work.conversation.id)
        await self._tickets.reply_sent(tx, episode.ticket_id, by="bot", category=outcome.category)
        if ended:
            await end_episode(tx, self._tickets, episode, reason="resolved", now=now)

    async def _say(
        self,
        tx: Tx,
        work: Work,
        reply: Reply,
        *,
        author: Author = Author.BOT,
        delivery: Delivery | None = None,
        ticket_id: str | None = None,
    ) -> MessageId:
        now = self._clock.now()
        system = author is Author.SYSTEM or work.conversation.mode is Mode.WAITING
        message = await messages.append(
            tx,
            conversation_id=work.conversation.id,
            author=Author.SYSTEM if system else author,
            kind=Kind.NOTICE if system else reply.kind,
            text=reply.text,
            at=now,
            payload=payload(reply),
            episode_id=work.episode.id,
            ticket_id=ticket_id or work.episode.ticket_id,
            delivery=delivery or messages.first_delivery(work.channel.kind),
            demo=work.channel.demo,
        )
        tell_message(tx, self._notifier, message)
        return message.id

    # Moves.

    async def _move(self, tx: Tx, work: Work, move: Move, replies: Replies) -> tuple[Sequence[Reply], bool]:
        """Carry out one move: what there is to say about it, and whether the episode is over with it."""
        match move:
            case FormDone():
                await self._form_done(tx, work, move)
                return (), False
            case CustomerSaid():
                return await self._customer_said(tx, work, move, replies)
            case Tapped():
                await self._answers.record_choice(
                    tx, exchange_id=work.key, query=move.question, article_id=move.article_id
                )
                return (), False
            case Gap():
                await self._answers.record_gap(
                    tx,
                    exchange_id=work.key,
                    conversation_id=work.conversation.id,
                    customer_id=work.customer.id,
                    text=move.question,
                    decision="none" if move.nearest is None else move.nearest.decision,
                    nearest=move.nearest,
                )
                return (), False
            case LeaveLine():
                return await self._leave_line(tx, work, replies), False
            case ContactLeft():
                await customers.leave_contact(
                    tx, work.customer.id, phone=move.phone, email=move.email, consent_at=self._clock.now()
                )
                await conversations.bump_state(tx, work.conversation.id)
                shown = mask_phone(move.phone) or mask_email(move.email) or ""
                return (replies.text("bot.contact_kept", contact=shown),), False

    async def _form_done(self, tx: Tx, work: Work, move: FormDone) -> None:
        await self._tickets.form_done(tx, work.episode.ticket_id, move.form, move.answers)
        if move.wants_person:
            reason = HandoffReason.PROBLEM_REPORT
            context = await self._packet(tx, work, HandOver(reason, "ticket", answers=move.answers), None)
            await self._tickets.person_wanted(
                tx, work.episode.ticket_id, reason=reason.value, packet=context, queued=False
            )
            await conversations.bump_state(tx, work.conversation.id)

    async def _leave_line(self, tx: Tx, work: Work, replies: Replies) -> Sequence[Reply]:
        left = await self._handoffs.leave(tx, work.conversation.id, "left")
        ref = await self._ref(tx, work)
        tell_state(tx, self._notifier, work.conversation.id)
        if not left:
            return (replies.text("bot.not_in_line"),)
        return (replies.text("bot.left_line", (), serial=ref.serial if ref else ""),)

    async def _customer_said(
        self, tx: Tx, work: Work, move: CustomerSaid, replies: Replies
    ) -> tuple[Sequence[Reply], bool]:
        if move.what == "new_matter":
            with suppress(Conflict):
                await self._tickets.customer_said(tx, move.ticket_id, move.what)
            return (), False
        known = {ref.ticket_id: ref for ref in await self._tickets.current(tx, work.customer.id)}
        again = await self._tickets.reopenable(tx, work.customer.id)
        if again is not None:
            known.setdefault(again.ticket_id, again)
        try:
            if move.ticket_id not in known and move.ticket_id != work.conversation.survey_ticket_id:
                raise NotFound("ticket of this customer")
            ref = await self._tickets.customer_said(tx, move.ticket_id, move.what, text=move.text)
        except (Conflict, Invalid, NotFound):
            refused = {"reopen": "bot.cannot_reopen", "executive": "bot.top.not_now"}
            buttons = (HUMAN,) if move.what == "executive" else ()
            return (replies.text(refused.get(move.what, "bot.survey_closed"), buttons),), False
        if move.what == "executive":
            # The promise has been said by the ticket itself.
            return (), False
        if move.what == "reopen":
            await self._follow(tx, work, ref)
            return (replies.text("bot.reopened", (HUMAN,), serial=ref.serial),), False
        if work.conversation.survey_ticket_id == move.ticket_id:
            await conversations.set_survey(tx, work.conversation.id, None)
        tell_state(tx, self._notifier, work.conversation.id)
        content = move.what in ("solved", "rating:4", "rating:3", "rating:2")
        # An episode that was begun only to hold this word ends with it.
        over = content and work.first_turn and work.episode.ticket_id == move.ticket_id
        text_id = {
            "rating:4": "bot.rated_well",
            "rating:3": "bot.rated_well",
            "rating:2": "bot.rated_fair",
            "rating:1": "bot.rated_badly",
            "solved": "bot.solved",
        }.get(move.what, "bot.not_solved")
        buttons = () if content else (HUMAN,)
        return (replies.text(text_id, buttons, serial=ref.serial),), over

    async def _follow(self, tx: Tx, work: Work, ref: TicketRef) -> None:
        """Put this episode on the ticket that was opened again; the one that it began with is merged into it."""
        old = await self._ref(tx, work)
        if work.episode.ticket_id == ref.ticket_id:
            return
        await episodes.move_to_ticket(tx, work.episode.id, ref.ticket_id)
        await messages.move_to_ticket(tx, work.episode.id, ref.ticket_id)
        await exchanges.move_to_ticket(tx, work.episode.id, ref.ticket_id)
        if old is None or old.tier == 1:
            await self._tickets.episode_ended(tx, work.episode.ticket_id, work.episode.id, "merged")
        await conversations.bump_state(tx, work.conversation.id)
        tell_state(tx, self._notifier, work.conversation.id)

    # A person.

    async def _hand_over(
        self, tx: Tx, work: Work, handover: HandOver, finding: Finding, replies: Replies
    ) -> tuple[Reply, bool]:
        """Raise the ticket and stand in line; what to say about it, and whether somebody will come."""
        context = await self._packet(tx, work, handover, finding)
        queued = handover.outlook == "open"
        reason = "queue_down" if handover.outlook == "queue_down" else handover.reason.value
        team_id = await self._tickets.person_wanted(
            tx, work.episode.ticket_id, reason=reason, packet=context, queued=queued
        )
        wish = HandoffRequest(
            conversation_id=work.conversation.id,
            episode_id=work.episode.id,
            ticket_id=work.episode.ticket_id,
            customer_id=work.customer.id,
            reason=handover.reason,
            packet=context,
            priority=_priority(work, handover.reason),
            team_id=team_id,
        )
        placed = await self._handoffs.request(tx, wish, handover.outlook)
        match placed.state:
            case "waiting":
                return replies.text("bot.waiting"), True
            case "active":
                return replies.text("bot.already_with_person"), True
        if queued:
            # The line closed between the outlook and now, so the ticket has to wait for its team after all.
            await self._tickets.person_wanted(
                tx, work.episode.ticket_id, reason=handover.reason.value, packet=context, queued=False
            )
        ref = await self._ref(tx, work)
        return replies.text(f"bot.{placed.state}", (), serial=ref.serial if ref else ""), False

    async def _packet(self, tx: Tx, work: Work, handover: HandOver, finding: Finding | None) -> dict[str, object]:
        return await packet.build(
            tx,
            self._tickets,
            work,
            reason=handover.reason,
            detail=handover.detail,
            intent=finding.intent if finding else None,
            confidence=finding.confidence if finding else None,
            answers=dict(handover.answers),
        )

    async def _ref(self, tx: Tx, work: Work) -> TicketRef | None:
        current = await self._tickets.current(tx, work.customer.id)
        return next((ref for ref in current if ref.ticket_id == work.episode.ticket_id), None)


def _priority(work: Work, reason: HandoffReason) -> int:
    usual = _PRIORITIES.get(reason, _DEFAULT_PRIORITY)
    vip = work.customer.level in work.channel.profile.get("vip_levels", _VIP_LEVELS)
    return min(usual, _VIP_PRIORITY) if vip else usual
