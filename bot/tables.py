"""Tables of the conversation: who writes, where, what was said, and what answered it.

Written by `bot/store/` only. `tickets`, `handoff` and `knowledge_base` are named by bare ids, since foreign keys
point down the arrow of imports.
"""

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from core.columns import Json, SealedText, UtcTime
from core.db import metadata

channels = Table(
    "channels",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("key", String(40), nullable=False, unique=True),  # public: data-channel, or the webhook's account
    Column("kind", String(16), nullable=False),  # web, wechat, weibo, wecom, mail
    Column("name", String(64), nullable=False),
    Column("sites", Json, nullable=False),  # origins that may carry the widget, [] for none
    Column("config", SealedText, nullable=False),  # JSON: token, aes_key, app_id, secret, api_base, identity_key …
    Column("profile", Json, nullable=False),  # greeting, hot questions, privacy_url, tone
    Column("disabled_at", UtcTime),
    Column("demo", Boolean, nullable=False, default=False),
    Column("created_at", UtcTime, nullable=False),
)

customers = Table(
    "customers",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("name", SealedText),  # nickname
    Column("level", String(20), nullable=False, default=""),  # member level, proven only
    Column("account", SealedText),  # the site's own user id, proven only
    Column("phone", SealedText),
    Column("email", SealedText),
    Column("contact_consent_at", UtcTime),
    Column("profile", Json, nullable=False),  # device_model, system_version, app_version, network_kind, city …
    Column("tags", Json, nullable=False),  # [{tag, reason}]
    Column("demo", Boolean, nullable=False, default=False),
    Column("created_at", UtcTime, nullable=False),
)

identities = Table(
    "identities",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("customer_id", ForeignKey("customers.id"), nullable=False),
    Column("channel_id", ForeignKey("channels.id"), nullable=False),
    Column("external_id", String(128), nullable=False),  # visitor id, openid, uid, "user:<sub>"
    Column("proven", Boolean, nullable=False, default=False),
    Column("left_at", UtcTime),  # unfollowed the account: nothing reaches them there
    Column("created_at", UtcTime, nullable=False),
    UniqueConstraint("channel_id", "external_id", name="uq_identities_channel_id_external_id"),
    Index("ix_identities_customer_id", "customer_id"),
)

conversations = Table(
    "conversations",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("identity_id", ForeignKey("identities.id"), nullable=False, unique=True),
    Column("customer_id", ForeignKey("customers.id"), nullable=False),
    Column("channel_id", ForeignKey("channels.id"), nullable=False),
    Column("mode", String(10), nullable=False, default="bot"),  # bot, waiting, agent
    Column("epoch", Integer, nullable=False, default=0),  # grows with each change of owner
    Column("last_seq", Integer, nullable=False, default=0),
    Column("state_version", Integer, nullable=False, default=0),  # grows with each change the customer may see
    Column("episode_id", String(40)),  # the open one, if any
    Column("handoff_id", String(40)),  # the active one, if any
    Column("agent_id", String(40)),  # in mode agent
    Column("agent_name", String(64)),
    Column("survey_ticket_id", String(40)),  # the ticket whose survey stands open here
    Column("customer_read_seq", Integer, nullable=False, default=0),
    Column("agent_read_seq", Integer, nullable=False, default=0),
    Column("last_customer_at", UtcTime),  # opens the windows of channels
    Column("last_message_at", UtcTime),
    Column("last_text", SealedText),  # preview for lists
    Column("turn_due_at", UtcTime),  # when the open turn should run; null: no turn is open
    Column("turn_owner", String(40)),
    Column("turn_until", UtcTime),
    Column("sends", Integer),  # calls that the platform counts, since the customer last wrote
    Column("demo", Boolean, nullable=False, default=False),
    Column("created_at", UtcTime, nullable=False),
    Index("ix_conversations_turn_due_at", "turn_due_at"),
    Index("ix_conversations_customer_id", "customer_id"),
    Index("ix_conversations_mode_last_message_at", "mode", "last_message_at"),
    # Who has which conversation is asked for every list, and few have anybody.
    Index(
        "ix_conversations_agent_id",
        "agent_id",
        sqlite_where=text("agent_id IS NOT NULL"),
        postgresql_where=text("agent_id IS NOT NULL"),
    ),
)

episodes = Table(
    "episodes",
    metadata,
    Column("id", String(40), primary_key=True),  # Rasa's sender_id
    Column("conversation_id", ForeignKey("conversations.id"), nullable=False),
    Column("ticket_id", String(40), nullable=False),
    Column("slot", Integer, nullable=False, default=0),  # which assistant holds its tracker
    Column("failed_turns", Integer, nullable=False, default=0),
    Column("slots", Json, nullable=False),  # the last slots and form answers the assistant reported
    Column("started_at", UtcTime, nullable=False),
    Column("last_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    Column("end_reason", String(20)),  # silence, resolved, left, merged
    Index("ix_episodes_conversation_id", "conversation_id"),
    Index("ix_episodes_ticket_id", "ticket_id"),
    Index("ix_episodes_ended_at_last_at", "ended_at", "last_at"),
)

messages = Table(
    "messages",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("conversation_id", ForeignKey("conversations.id"), nullable=False),
    Column("episode_id", String(40)),
    Column("ticket_id", String(40)),
    Column("seq", Integer),  # only what the customer sees has one
    Column("author", String(10), nullable=False),  # customer, bot, agent, system
    Column("kind", String(10), nullable=False),  # text, choice, image, video, file, card, notice, note
    Column("text", SealedText, nullable=False),
    Column("payload", Json, nullable=False),  # html, choices, articles, attachment, card, choice
    Column("staff_id", String(40)),
    Column("staff_name", String(64)),
    Column("dedupe_key", String(160)),
    Column("body_hash", String(64)),  # same key with another body is a conflict
    # none, pending, sending, sent, failed, dropped, held
    Column("delivery", String(10), nullable=False, default="none"),
    Column("delivery_error", String(80)),
    Column("delivery_attempts", Integer, nullable=False, default=0),
    Column("delivery_due_at", UtcTime),
    Column("delivery_parts", Integer),  # how many parts of a long message the platform has taken
    Column("platform_id", String(80)),
    Column("helpful", Boolean),
    Column("at", UtcTime, nullable=False),  # when we accepted it
    Column("sent_at", UtcTime),  # when the platform says it was written (exact first receipt)
    Column("demo", Boolean, nullable=False, default=False),
    UniqueConstraint("conversation_id", "seq", name="uq_messages_conversation_id_seq"),
    UniqueConstraint("conversation_id", "dedupe_key", name="uq_messages_conversation_id_dedupe_key"),
    Index("ix_messages_conversation_id_at", "conversation_id", "at"),
    Index("ix_messages_ticket_id", "ticket_id"),
    # Few answers get a thumb; figures look whether any has been added.
    Index(
        "ix_messages_thumbs",
        "ticket_id",
        sqlite_where=text("helpful is not null"),
        postgresql_where=text("helpful is not null"),
    ),
    Index("ix_messages_delivery_delivery_due_at", "delivery", "delivery_due_at"),
)

media = Table(
    "media",
    metadata,
    Column("message_id", ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True),
    Column("channel_id", String(40), nullable=False),
    Column("customer_id", String(40), nullable=False),
    Column("reference", SealedText, nullable=False),  # what the platform calls it
    Column("name", String(120), nullable=False),
    Column("state", String(10), nullable=False),  # pending, done, failed
    Column("attempts", Integer, nullable=False, default=0),
    Column("due_at", UtcTime, nullable=False),
    Column("error", String(80)),
    Index("ix_media_state_due_at", "state", "due_at"),
    Index("ix_media_customer_id", "customer_id"),
)

exchanges = Table(
    "exchanges",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("message_id", ForeignKey("messages.id"), nullable=False, unique=True),
    Column("conversation_id", String(40), nullable=False),
    Column("episode_id", String(40), nullable=False),
    Column("ticket_id", String(40), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("state", String(10), nullable=False),  # open, posted, answered, dropped
    Column("answered_by", String(10)),  # bot, agent, system, nobody
    Column("intent", String(40)),
    Column("confidence", Float),
    Column("decision", String(20)),  # wish, form, alias, task, answer, ask, offer, fallback, person, waiting, choice
    Column("articles", Json, nullable=False),  # [{article_id, question_id, score, probability}]
    Column("release_id", String(40)),
    Column("model", String(80)),
    Column("failed", Boolean, nullable=False, default=False),
    Column("emotion", Float),
    Column("latency_ms", Integer),
    Column("at", UtcTime, nullable=False),
    Column("posted_at", UtcTime),  # the assistant was asked; a re-run looks in the tracker first
    Column("answered_at", UtcTime),
    Column("reply", Json, nullable=False),  # message ids of the answer
    Column("demo", Boolean, nullable=False, default=False),
    Index("ix_exchanges_conversation_id_state", "conversation_id", "state"),
    Index("ix_exchanges_ticket_id", "ticket_id"),
    Index("ix_exchanges_at", "at"),
)

bot_texts = Table(
    "bot_texts",
    metadata,
    Column("text_id", String(80), primary_key=True),
    Column("language", String(8), primary_key=True),
    Column("text", Text, nullable=False),  # an editor's own words in place of the delivered ones
    Column("updated_at", UtcTime, nullable=False),
    Column("updated_by", String(40), nullable=False),
)
