"""Remove everything that the demo made, and nothing else."""

from __future__ import annotations

import asyncio
import shutil

from sqlalchemy import delete, select, update

from bot.tables import channels, conversations, customers, episodes, exchanges, identities, messages
from core.db import Tx
from core.people.tables import staff
from core.robots.tables import robots
from core.tables import jobs
from gateway.demo.intake import clear_intake
from gateway.services import Services
from handoff.tables import drafts, handoffs
from knowledge_base.tables import articles, current_release, gaps, questions, releases
from tickets.figures.tables import figure_targets
from tickets.intake.tables import intake_keys, ticket_imports
from tickets.privacy.tables import ticket_views
from tickets.sorting import store as sorting_store
from tickets.sorting.tables import classifiers
from tickets.tables import custom_fields, surveys, ticket_events, tickets


async def clear_demo(parts: Services) -> str:
    """Delete the demo's customers with all that hangs on them, its staff, channels and articles; return a sentence.

    What real people wrote into demo accounts' tickets stays. The knowledge base becomes empty only when all of it was
    the demo's; otherwise the demo's articles leave with the next publish.
    """
    async with parts.db.begin() as tx:
        removed = await _conversations(tx)
        await _people_and_channels(tx, parts)
        await _articles(tx, parts)
        # What was learned from the demo's matters goes with them; the next version learns from what is left.
        await tx.execute(delete(classifiers))
        await sorting_store.put(tx, sorting_store.TRAIN, parts.clock.now())
        await parts.audit.write(tx, "cli", "demo.cleared", "demo", tickets=removed)
        tx.after_commit(lambda: parts.fanout.publish("release", {"type": "release"}))
    await asyncio.to_thread(shutil.rmtree, parts.settings.data / "demo", True)
    return f"removed {removed} demo tickets with their customers, the demo's staff, channels and articles"


async def _conversations(tx: Tx) -> int:
    own = select(conversations.c.id).where(conversations.c.demo.is_(True))
    matters = select(tickets.c.id).where(tickets.c.demo.is_(True))
    await tx.execute(delete(drafts).where(drafts.c.conversation_id.in_(own)))
    await tx.execute(delete(handoffs).where(handoffs.c.demo.is_(True)))
    await tx.execute(delete(gaps).where(gaps.c.demo.is_(True)))
    await tx.execute(delete(figure_targets).where(figure_targets.c.set_by == "demo"))
    await tx.execute(delete(custom_fields).where(custom_fields.c.created_by == "demo"))
    await tx.execute(delete(robots).where(robots.c.demo.is_(True)))
    demo_staff = select(staff.c.id).where(staff.c.demo.is_(True))
    await tx.execute(delete(ticket_views).where(ticket_views.c.staff_id.in_(demo_staff)))
    await tx.execute(delete(surveys).where(surveys.c.ticket_id.in_(matters)))
    await tx.execute(delete(ticket_events).where(ticket_events.c.ticket_id.in_(matters)))
    await tx.execute(delete(jobs).where(jobs.c.key.in_(matters)))
    await clear_intake(tx)
    await tx.execute(delete(intake_keys).where(intake_keys.c.ticket_id.in_(matters)))
    await tx.execute(delete(ticket_imports).where(ticket_imports.c.demo.is_(True)))
    removed = await tx.count(delete(tickets).where(tickets.c.demo.is_(True)))
    await tx.execute(delete(exchanges).where(exchanges.c.conversation_id.in_(own)))
    await tx.execute(delete(messages).where(messages.c.conversation_id.in_(own)))
    await tx.execute(delete(episodes).where(episodes.c.conversation_id.in_(own)))
    people = [row.customer_id for row in await tx.all(select(conversations.c.customer_id).where(conversations.c.demo))]
    await tx.execute(delete(conversations).where(conversations.c.demo.is_(True)))
    for at in range(0, len(people), 500):
        some = people[at : at + 500]
        await tx.execute(delete(identities).where(identities.c.customer_id.in_(some)))
        await tx.execute(delete(customers).where(customers.c.id.in_(some)))
    return removed


async def _people_and_channels(tx: Tx, parts: Services) -> None:
    now = parts.clock.now()
    # Their names stand in histories that stay, so accounts and channels are closed, not removed.
    await tx.execute(update(staff).where(staff.c.demo.is_(True), staff.c.disabled_at.is_(None)).values(disabled_at=now))
    await tx.execute(
        update(channels).where(channels.c.demo.is_(True), channels.c.disabled_at.is_(None)).values(disabled_at=now)
    )


async def _articles(tx: Tx, parts: Services) -> None:
    others = await tx.first(select(articles.c.id).where(articles.c.demo.is_(False)).limit(1))
    if others is None:
        await tx.execute(delete(current_release))
        await tx.execute(delete(releases))
        await tx.execute(delete(questions))
        await tx.execute(delete(articles).where(articles.c.demo.is_(True)))
    else:
        await tx.execute(
            update(articles)
            .where(articles.c.demo.is_(True), articles.c.archived_at.is_(None))
            .values(archived_at=parts.clock.now())
        )
