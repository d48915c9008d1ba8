"""Tables of the figures. Facts are a cache: `frontline figures rebuild` makes them anew from what happened.

A fact says nothing that its ticket does not say; it only stands ready to be added up. The first columns tell at
which state of the ticket it was counted, so that a fact that has fallen behind is found by comparing.
"""

from sqlalchemy import BigInteger, Boolean, Column, Float, ForeignKey, Index, Integer, String, Table

from core.columns import UtcTime
from core.db import metadata

# What figures can be cut by and filtered on; "" where the ticket does not say.
DIMENSIONS = (
    "channel",
    "team",
    "agent",
    "category",
    "merchant",
    "live_room",
    "tier",
    "state",
    "reason",
    "city",
    "provider",
    "device",
    "app_version",
    "article",
)

# What is added up. Times are seconds unless they end in `_ms`.
MEASURES = (
    "matters",
    "tier_1",
    "tier_2",
    "tier_3",
    "talked",
    "answered",
    "answer_s",
    "people",
    "person_answered",
    "person_s",
    "person_in_time",
    "replies",
    "reply_ms",
    "bot_replies",
    "bot_reply_ms",
    "confirmed_by_team",
    "confirm_s",
    "concluded",
    "conclude_s",
    "told",
    "once",
    "ended",
    "settled",
    "said_yes",
    "silent",
    "spoke",
    "solved",
    "own_voted",
    "own_content",
    "asked",
    "given",
    "rated",
    "content",
    "recommend_rated",
    "recommend_net",
    "explained_again",
    "bot_talks",
    "transferred",
    "stayed",
    "contained",
    "bounced",
    "escalated",
    "reopened",
    "promised",
    "kept",
    "top_asked",
    "top_in_time",
    "top_solved",
)

ticket_facts = Table(
    "ticket_facts",
    metadata,
    Column("ticket_id", ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True),
    Column("edition", String(40), nullable=False),  # of the definitions and the time zone it was counted with
    Column("version", Integer, nullable=False),  # the ticket's at that time, …
    Column("last_customer_at", UtcTime),  # … and its last words
    Column("last_reply_at", UtcTime),
    Column("breached", Boolean, nullable=False),  # as its clocks said, …
    Column("votes", Integer, nullable=False),  # thumbs seen: 1,000 for each up, 1 for each down
    Column("customer_id", String(40), nullable=False),
    Column("received_at", UtcTime, nullable=False),
    Column("day", String(10), nullable=False),  # local, as the rest of these
    Column("weekday", Integer, nullable=False),  # 0 is Monday
    Column("hour", Integer, nullable=False),
    Column("wanted_day", String(10)),  # a person's matter since …
    Column("wanted_unix", Integer),
    Column("left_day", String(10)),  # … and no longer open since; null while it is
    *(
        Column(name, Integer if name == "tier" else String(120), nullable=False, default=1 if name == "tier" else "")
        for name in DIMENSIONS
    ),
    *(
        Column(name, BigInteger if name.endswith(("_s", "_ms")) else Integer, nullable=False, default=0)
        for name in MEASURES
    ),
    # Days first, then all that the smaller tables of the page add up: they never touch the rows themselves.
    Index(
        "ix_ticket_facts_cut",
        "day",
        "hour",
        "channel",
        "category",
        "team",
        "reason",
        "article",
        "matters",
        "people",
        "solved",
    ),
    Index("ix_ticket_facts_customer_id_received_at", "customer_id", "received_at"),
)

figure_targets = Table(
    "figure_targets",
    metadata,
    Column("figure", String(40), primary_key=True),
    Column("target", Float),  # null: this figure shall have none
    Column("set_by", String(40), nullable=False),
    Column("set_at", UtcTime, nullable=False),
)
