"""Playbooks beside the ticket service: steps with who and when, what must be known, faults that return, appeals.

    fix released ──▶ watched for seven days ──same signature again──▶ matter reopened, both linked, team told
    decided ──appeal──▶ linked ticket ──▶ anybody but who decided

A result is refused while something is missing: the refusal is raised in the transaction that would have written it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import structlog

from bot.store import conversations, customers
from bot.types import Speaker
from core.clock import UTC, rfc3339
from core.db import Tx
from core.errors import Conflict, IllegalMove, Invalid, NotFound, Unauthorized
from core.jobs import Handler, Job
from core.masking import mask_text
from tickets import categories, relations
from tickets import store as tickets_store
from tickets.parts import Kit, Part
from tickets.playbooks import appeals, plan, signature, store
from tickets.playbooks.plan import COLUMNS, MAX_VALUE, RELEASED, Field, Playbook, Step
from tickets.states import Move, Party, is_open, may
from tickets.store import CUSTOMER, SYSTEM, Actor, Ticket

log = structlog.get_logger(__name__)

JOB_SIGNATURE = "playbook.signature"
JOB_RETURNED = "playbook.returned"
WATCHED_FOR = timedelta(days=7)
# Steps that are to be done again when a fault came back.
_AGAIN = ("verify", "release")
# After these there may be more to tell a fault by.
_NEWS = frozenset({"opened", "form_done", "sorted", "changed", "person_wanted", "split"})
_MAX_APPEAL = 2_000
# Merged and split tickets keep their links; an appeal more than this many times over is a matter for the top.
_MAX_APPEALS = 3
APPEAL_WITHIN = timedelta(days=7)
# A decision is known when its result is written; whoever is told earlier may answer earlier.
_DECISIONS = frozenset({"result_written", "playbook_fields"})


class Playbooks(Part):
    """One per gateway. `reopen` and `new` are the service's own ways to open a matter again and to open another."""

    name = "playbook"

    def __init__(
        self, kit: Kit, *, reopen: Callable[..., Awaitable[Ticket]], new: Callable[..., Awaitable[Ticket]]
    ) -> None:
        super().__init__(kit)
        self._reopen = reopen
        self._new = new
        self.asleep = False
        """No fault is compared with others: for a past that is played."""

    async def seed(self, tx: Tx) -> None:
        """Put delivered playbooks where they are missing."""
        await store.seed(tx, self.kit.clock.now())

    # What happens to tickets.

    def jobs(self) -> Mapping[str, Handler]:
        return {JOB_SIGNATURE: self._on_signature, JOB_RETURNED: self._on_returned}

    async def changed(
        self, tx: Tx, before: Ticket | None, now: Ticket, kind: str, actor: Actor, text: str | None
    ) -> None:
        """Refuse what may not be, and look at the fault's signature when there is more to tell it by."""
        await appeals.check(tx, before, now, kind, actor)
        if kind == "result_written":
            await self.may_resolve(tx, now)
        told = now.fields.get("device_model") or now.fields.get("app_version")
        if (
            kind in _NEWS
            and told
            and is_open(now.state)
            and now.category_id.startswith(signature.BRANCH)
            and not self.asleep
        ):
            await self.kit.jobs.put(tx, JOB_SIGNATURE, now.id, self.kit.clock.now())

    async def may_resolve(self, tx: Tx, ticket: Ticket) -> None:
        """Whether the written result may stand. Raises IllegalMove that names what is missing."""
        playbook = await self.of(tx, ticket)
        if playbook is None:
            return
        done = {each.step_id for each in await store.done(tx, ticket.id, playbook.id)}
        lacks = plan.missing(playbook, ticket, done, ticket.result_kind or "solved")
        if lacks:
            raise IllegalMove(
                "playbook", text_id="error.playbook_missing", name=playbook.name, missing="、".join(lacks)
            )

    async def of(self, tx: Tx, ticket: Ticket) -> Playbook | None:
        """The playbook of a ticket's category."""
        return plan.choose(await store.load(tx), ticket.category_id)

    async def shown(self, tx: Tx, ticket: Ticket, permissions: Collection[str]) -> Any:
        """Steps, fields, what is missing, the watch, and appeals; None where there is no playbook and no appeal."""
        playbook = await self.of(tx, ticket)
        links = await self._appeals(tx, ticket)
        if playbook is None and not links["appeals"] and links["appeal_of"] is None:
            return None
        watch = await store.watch_of(tx, ticket.id)
        about = {
            **links,
            "signature": ticket.signature,
            "may_appeal": "ticket.write" in permissions and len(links["appeals"]) < _MAX_APPEALS,
            "watch": {
                "released_at": rfc3339(watch.released_at),
                "until": rfc3339(watch.until),
                "returned_at": rfc3339(watch.returned_at) if watch.returned_at else None,
            }
            if watch
            else None,
        }
        if playbook is None:
            return {"id": None, "name": None, "steps": [], "fields": [], "missing": [], **about}
        done = {each.step_id: each for each in await store.done(tx, ticket.id, playbook.id)}
        name = (await customers.get(tx, ticket.customer_id)).name or ""
        return {
            "id": playbook.id,
            "name": playbook.name,
            "steps": [self._step(each, ticket, done.get(each.id), name) for each in playbook.steps],
            "fields": [_field(each, ticket) for each in playbook.fields],
            "missing": plan.missing(playbook, ticket, done, "solved"),
            **about,
        }

    def _step(self, step: Step, ticket: Ticket, done: store.Done | None, name: str) -> dict[str, Any]:
        return {
            "id": step.id,
            "title": step.title,
            "hint": step.hint,
            "template": filled(
                step.template,
                serial=ticket.serial,
                name=mask_text(name),
                title=mask_text(ticket.title),
                appeal_url=self.appeal_url(ticket),
            ),
            "marks": step.marks,
            "wanted": step.wanted and plan.applies(step, ticket),
            "applies": plan.applies(step, ticket),
            "done_at": rfc3339(done.at) if done else None,
            "done_by": done.staff_name if done else None,
        }

    async def _appeals(self, tx: Tx, ticket: Ticket) -> dict[str, Any]:
        found = await relations.of_ticket(tx, ticket)
        others: dict[str, Ticket] = {each.id: each for each in await relations_of(tx, [one.other_id for one in found])}
        theirs = list(others.values())
        first = others.get(ticket.previous_id or "") if ticket.reason == appeals.REASON else None
        return {
            "appeals": [
                {"serial": each.serial, "state": each.state}
                for each in theirs
                if each.reason == appeals.REASON and each.previous_id == ticket.id
            ],
            "appeal_of": first.serial if first else None,
        }

    async def now(self, serial: str, permissions: Collection[str]) -> Any:
        """`shown` in a transaction of its own."""
        async with self.kit.db.read() as tx:
            return await self.shown(tx, await tickets_store.by_serial(tx, serial), permissions)

    # What staff do.

    async def do(self, serial: str, step_id: str, by: Speaker, *, is_done: bool, note: str = "") -> None:
        """Mark a step done, or not done after all; the same again changes nothing. Raises NotFound, IllegalMove."""
        async with self.kit.db.begin() as tx:
            ticket = await self.kit.lock(tx, serial=serial)
            playbook = await self.of(tx, ticket)
            step = playbook.step(step_id) if playbook else None
            if playbook is None or step is None:
                raise NotFound("step")
            if not (is_open(ticket.state) or (ticket.state == "resolved" and step.marks == RELEASED)):
                raise IllegalMove("ended", text_id="error.illegal_move")
            known = {each.step_id for each in await store.done(tx, ticket.id, playbook.id)}
            if is_done == (step_id in known):
                return
            if is_done:
                await self._done(tx, ticket, playbook, step, by, note)
            else:
                await store.unmark(tx, ticket.id, playbook.id, [step_id])
                await self.kit.change(tx, ticket, "plan_step_undone", Actor(by.staff_id, by.name), text=step.title)
                if step.marks == RELEASED:
                    await store.unwatch(tx, ticket.id)

    async def _done(
        self, tx: Tx, ticket: Ticket, playbook: Playbook, step: Step, by: Speaker, note: str = ""
    ) -> Ticket:
        now = self.kit.clock.now()
        await store.mark(tx, ticket.id, playbook.id, step.id, staff_id=by.staff_id, staff_name=by.name, now=now)
        text = f"{step.title}：{note.strip()}" if note.strip() else step.title
        actor = Actor(by.staff_id, by.name)
        ticket = await self.kit.change(tx, ticket, "plan_step_done", actor, text=text[:MAX_VALUE])
        if step.marks == RELEASED:
            await self._released(tx, ticket, now)
        return ticket

    async def complete(
        self,
        tx: Tx,
        ticket: Ticket,
        by: Speaker,
        *,
        category_id: str | None = None,
        values: Mapping[str, str] | None = None,
        steps: Collection[str] = (),
    ) -> Ticket:
        """What is told together with the result: values, and steps that are done by now, all by the playbook of the
        category that the result gives. Raises Invalid, and NotFound for what that playbook does not know."""
        category_id = category_id or ticket.category_id
        if values:
            ticket = await self.fill_in(tx, ticket, values, Actor(by.staff_id, by.name), category_id=category_id)
        if not steps:
            return ticket
        playbook = plan.choose(await store.load(tx), category_id)
        if playbook is None:
            raise NotFound("playbook")
        known = {each.step_id for each in await store.done(tx, ticket.id, playbook.id)}
        for step_id in dict.fromkeys(steps):
            step = playbook.step(step_id)
            if step is None:
                raise NotFound("step")
            if step_id not in known:
                ticket = await self._done(tx, ticket, playbook, step, by)
        return ticket

    async def _released(self, tx: Tx, ticket: Ticket, now: datetime) -> None:
        """Watch the released fix; without a signature nobody could tell that the fault is back."""
        if ticket.signature is None:
            found = await self._signature(tx, ticket)
            if found is None:
                raise Invalid("signature", text_id="error.playbook_signature_wanted")
            await tickets_store.note(tx, ticket.id, signature=found)
            ticket = replace(ticket, signature=found)
        assert ticket.signature is not None
        await store.watch(tx, ticket.id, ticket.signature, released_at=now, until=now + WATCHED_FOR)

    async def fill(self, serial: str, values: Mapping[str, str], by: Speaker) -> None:
        """Write down what the playbook asks for; an empty value takes it back. Raises Invalid, NotFound."""
        async with self.kit.db.begin() as tx:
            await self.fill_in(tx, await self.kit.lock(tx, serial=serial), values, Actor(by.staff_id, by.name))

    async def fill_in(
        self, tx: Tx, ticket: Ticket, values: Mapping[str, str], actor: Actor, *, category_id: str | None = None
    ) -> Ticket:
        """`fill` in an open transaction; by the playbook of `category_id`, if the ticket is about to have that."""
        playbook = plan.choose(await store.load(tx), category_id or ticket.category_id)
        if playbook is None:
            raise NotFound("playbook")
        if ticket.state == "merged":
            raise IllegalMove("merged", text_id="error.illegal_move")
        columns: dict[str, Any] = {}
        kept = dict(ticket.fields)
        said = []
        for key, value in values.items():
            field = playbook.field(key)
            if field is None:
                raise Invalid(f"unknown field {key}")
            text = value.strip()
            parsed = _parsed(field, text)
            if plan.value_of(ticket, key) == text:
                continue
            said.append(f"{field.title}：{(field.options or {}).get(text, text) or '—'}")
            if key in COLUMNS:
                columns[key] = parsed
            elif text:
                kept[key] = text
            else:
                kept.pop(key, None)
        if not said:
            return ticket
        return await self.kit.change(tx, ticket, "playbook_fields", actor, text="、".join(said), fields=kept, **columns)

    async def sign(self, serial: str, text: str, by: Speaker) -> None:
        """Name the fault by hand, such as PLAY-1024: the same name is the same fault. Raises Invalid."""
        name = signature.entered(text)
        async with self.kit.db.begin() as tx:
            ticket = await self.kit.lock(tx, serial=serial)
            if ticket.signature == name:
                return
            ticket = await self.kit.change(tx, ticket, "signed", Actor(by.staff_id, by.name), text=name, signature=name)
            watch = await store.watch_of(tx, ticket.id)
            if watch is not None:
                await store.watch(tx, ticket.id, name, released_at=watch.released_at, until=watch.until)
            else:
                await self._compare(tx, ticket)

    async def appeal(
        self, serial: str, by: Speaker, *, text: str, name: str = "", same_customer: bool = True
    ) -> Ticket:
        """Open the appeal against a decision, for the reporter or (by `name`) for the person concerned.

        The appeal has the same team and category, stands one step higher, and is refused to whoever decided. Raises
        Invalid without a ground, Conflict when it was appealed too often.
        """
        ground = text.strip()
        if not ground or len(ground) > _MAX_APPEAL:
            raise Invalid("ground", text_id="error.appeal_ground")
        async with self.kit.db.begin() as tx:
            ticket = await self.kit.lock(tx, serial=serial)
            actor = Actor(by.staff_id, by.name)
            return await self._appeal(tx, ticket, actor, ground, name=name, same_customer=same_customer)

    async def _appeal(
        self, tx: Tx, ticket: Ticket, actor: Actor, ground: str, *, name: str, same_customer: bool
    ) -> Ticket:
        if len((await self._appeals(tx, ticket))["appeals"]) >= _MAX_APPEALS:
            raise Conflict("appealed too often", text_id="error.appeal_often")
        now = self.kit.clock.now()
        customer_id, conversation_id = ticket.customer_id, ticket.conversation_id
        conversation = None
        if not same_customer:
            identity = await customers.create(
                tx,
                channel_id=ticket.channel_id or "",
                external_id=f"appeal:{ticket.serial}:{now.timestamp():.6f}",
                now=now,
                name=name.strip()[:64] or None,
            )
            # A talk of its own: what is answered stands on the page behind the appeal's link.
            conversation = await conversations.create(
                tx,
                identity_id=identity.id,
                customer_id=identity.customer_id,
                channel_id=identity.channel_id,
                now=now,
            )
            customer_id, conversation_id = identity.customer_id, conversation.id
        made = await self._new(
            tx,
            actor,
            customer_id=customer_id,
            conversation_id=conversation_id,
            channel_id=ticket.channel_id,
            channel_kind=ticket.channel_kind,
            tier=max(2, ticket.tier),
            priority=max(1, ticket.priority - 1),
            category_id=ticket.category_id,
            team_id=ticket.team_id,
            title=self.kit.texts.get("ticket.appeal.title", serial=ticket.serial, title=ticket.title)[:200],
            description=ground,
            fields={"appeal_of": ticket.serial, "appellant": "reporter" if same_customer else "concerned"},
            reason=appeals.REASON,
            person_wanted_at=now,
            previous_id=ticket.id,
            last_customer_at=now,
            demo=ticket.demo,
        )
        if conversation is not None:
            await self.kit.voice.begin(tx, conversation, made.id, now)
            await self.kit.voice.hear(tx, made, ground, now)
        await relations.draw(tx, made, ticket, "appeal", by=actor.id, now=now)
        await self.kit.change(tx, ticket, "appealed", actor, text=made.serial)
        return made

    # What the person concerned does, by a link.

    def appeal_url(self, ticket: Ticket) -> str:
        """The address where the person concerned may appeal."""
        return f"{self.kit.settings.base_url}/appeal/{self.kit.links.link('appeal', ticket.id)}"

    async def appeal_page(self, token: str) -> dict[str, Any]:
        """What was decided, by which rule, and until when it may be appealed. Raises NotFound."""
        async with self.kit.db.read() as tx:
            ticket = await tickets_store.get(tx, self._appealed(token))
            playbook = await self.of(tx, ticket)
            until = await self._may_appeal_until(tx, ticket)
            links = await self._appeals(tx, ticket)
        level = playbook.field("violation_level") if playbook else None
        said = str(ticket.fields.get("violation_level") or "")
        return {
            "serial": ticket.serial,
            "level": (level.options or {}).get(said, "") if level else "",
            "rule": mask_text(str(ticket.fields.get("violation_rule") or "")),
            "until": rfc3339(until) if until else None,
            "may_appeal": until is not None and until > self.kit.clock.now() and len(links["appeals"]) < _MAX_APPEALS,
        }

    async def appeal_by_link(self, token: str, *, text: str, name: str) -> tuple[str, str]:
        """Appeal as the person concerned: the appeal's number, and the address where the answer will stand.

        Raises NotFound, Invalid without a ground, IllegalMove before the decision and after the time for it.
        """
        ground = text.replace("\x00", "").strip()
        if not ground or len(ground) > _MAX_APPEAL:
            raise Invalid("ground", text_id="error.appeal_ground")
        async with self.kit.db.begin() as tx:
            ticket = await self.kit.lock(tx, self._appealed(token))
            until = await self._may_appeal_until(tx, ticket)
            if until is None or until <= self.kit.clock.now():
                raise IllegalMove("no time to appeal", text_id="error.appeal_over")
            made = await self._appeal(tx, ticket, CUSTOMER, ground, name=name, same_customer=False)
        return made.serial, f"{self.kit.settings.base_url}/t/{self.kit.links.link('ticket', made.id)}"

    def _appealed(self, token: str) -> str:
        try:
            return self.kit.links.read_link("appeal", token)
        except Unauthorized as exc:
            raise NotFound("link") from exc

    async def _may_appeal_until(self, tx: Tx, ticket: Ticket) -> datetime | None:
        """Seven days from the last decision; None before there is one."""
        decided = [each.at for each in await tickets_store.events_of(tx, ticket.id) if each.kind in _DECISIONS]
        return decided[-1] + APPEAL_WITHIN if decided else None

    # Faults that come back.

    async def _signature(self, tx: Tx, ticket: Ticket) -> str | None:
        text = f"{ticket.title}\n{ticket.description or ''}"
        return signature.made(await categories.load(tx), ticket.category_id, text, ticket.fields)

    async def _on_signature(self, tx: Tx, job: Job) -> None:
        """Tell the fault by what is known now, and see whether it was thought mended."""
        ticket = await self.kit.lock(tx, job.key)
        if not is_open(ticket.state) or await store.watch_of(tx, ticket.id) is not None:
            return
        if ticket.signature is None:
            found = await self._signature(tx, ticket)
            if found is None:
                return
            await tickets_store.note(tx, ticket.id, signature=found)
            ticket = replace(ticket, signature=found)
        await self._compare(tx, ticket)

    async def _compare(self, tx: Tx, ticket: Ticket) -> None:
        """The same signature as a fix that is being watched: the fault is back."""
        now = self.kit.clock.now()
        assert ticket.signature is not None
        watch = await store.watched(tx, ticket.signature, now, besides=ticket.id)
        if watch is None or await tickets_store.last_event(tx, ticket.id, ("fault_known",)) is not None:
            return
        first = await tickets_store.get(tx, watch.ticket_id)
        await self.kit.change(tx, ticket, "fault_known", SYSTEM, text=first.serial)
        # In a transaction of its own, since a ticket is held behind its conversation, and this one is held already.
        await self.kit.jobs.put(tx, JOB_RETURNED, ticket.id, now, {"first": first.id})

    async def _on_returned(self, tx: Tx, job: Job) -> None:
        """The fault that was thought mended is back: reopen its matter, link the two, tell the team."""
        now = self.kit.clock.now()
        first = await self.kit.lock(tx, job.payload["first"])
        ticket = await tickets_store.get(tx, job.key)
        if not any(each.other_id == first.id and each.id for each in await relations.of_ticket(tx, ticket)):
            await relations.draw(tx, ticket, first, "related", by=SYSTEM.id, now=now)
        playbook = await self.of(tx, first)
        if playbook is not None:
            await store.unmark(tx, first.id, playbook.id, _AGAIN)
        await store.returned(tx, first.id, now)
        if may(first.state, Move.REOPEN, Party.STAFF):
            first = await self._reopen(
                tx,
                first,
                "fault_returned",
                SYSTEM,
                text=ticket.serial,
                review_wanted=first.review_wanted,
                assignee_id=first.assignee_id,
            )
        else:
            first = await self.kit.change(tx, first, "fault_returned", SYSTEM, text=ticket.serial)
        log.info("playbook.fault_returned", ticket_id=first.id, by=ticket.id)
        self._tell_team(tx, first)

    def _tell_team(self, tx: Tx, ticket: Ticket) -> None:
        notifier, serial = self.kit.notifier, ticket.serial
        tx.after_commit(lambda: notifier.publish("desk", {"type": "ticket", "id": ticket.id, "serial": serial}))
        if ticket.assignee_id is not None:
            topic = f"staff:{ticket.assignee_id}"
            tx.after_commit(lambda: notifier.publish(topic, {"type": "due", "serial": serial}))


def filled(template: str, **values: str) -> str:
    """A template with its placeholders; what is not known of leaves no hole in the sentence."""
    for key, value in values.items():
        template = template.replace(f"{{{key}}}", value)
    return template


def _field(field: Field, ticket: Ticket) -> dict[str, Any]:
    return {
        "key": field.key,
        "title": field.title,
        "kind": field.kind,
        "options": [{"id": key, "label": label} for key, label in (field.options or {}).items()],
        "value": mask_text(plan.value_of(ticket, field.key)),
        "wanted": "solved" in field.results,
        "results": list(field.results),
    }


def _parsed(field: Field, text: str) -> Any:
    """The value as its column takes it. Raises Invalid."""
    if not text:
        return None
    if len(text) > MAX_VALUE or (field.options is not None and text not in field.options):
        raise Invalid(field.key, text_id="error.playbook_value", title=field.title)
    if field.kind != "date":
        return text
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as exc:
        raise Invalid(field.key, text_id="error.playbook_value", title=field.title) from exc
    if moment.tzinfo is None:
        raise Invalid(field.key, text_id="error.playbook_value", title=field.title)
    return moment.astimezone(UTC)


async def relations_of(tx: Tx, ticket_ids: Collection[str]) -> list[Ticket]:
    """The tickets at the other ends."""
    return [await tickets_store.get(tx, each) for each in dict.fromkeys(ticket_ids)]


__all__ = ["Playbooks", "filled"]
