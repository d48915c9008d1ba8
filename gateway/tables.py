"""Every table there is: importing this module fills the one MetaData (migrations and tests need all of it)."""

import bot.tables
import core.people.tables
import core.robots.tables
import core.tables
import core.webhooks.tables
import handoff.tables
import knowledge_base.tables
import tickets.figures.tables
import tickets.intake.tables
import tickets.loop.tables
import tickets.playbooks.tables
import tickets.privacy.tables
import tickets.search
import tickets.sla.tables
import tickets.sorting.tables
import tickets.tables

__all__ = ["bot", "core", "handoff", "knowledge_base", "tickets"]
