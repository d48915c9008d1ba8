"""Tables of the group robots, and the outbox and log of what they were told."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, Text

from core.columns import Json, UtcTime
from core.db import metadata

robots = Table(
    "robots",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("name", String(64), nullable=False),
    Column("kind", String(12), nullable=False),  # wecom, dingtalk, feishu
    Column("url", Text, nullable=False),  # carries the robot's key
    Column("secret", Text),  # signs; 企业微信 has none
    Column("topics", Json, nullable=False),  # warning, breach, alarm
    Column("team_ids", Json, nullable=False),  # empty: every team
    Column("enabled", Boolean, nullable=False, default=True),
    Column("demo", Boolean, nullable=False, default=False),
    Column("created_at", UtcTime, nullable=False),
)

robot_messages = Table(
    "robot_messages",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("robot_id", ForeignKey("robots.id", ondelete="CASCADE"), nullable=False),
    Column("topic", String(10), nullable=False),  # warning, breach, alarm, test
    Column("title", String(120), nullable=False),
    Column("lines", Json, nullable=False),  # facts of our own: never customers' words, names or contacts
    Column("url", String(300)),
    Column("state", String(8), nullable=False),  # pending, sent, failed
    Column("attempts", Integer, nullable=False, default=0),
    Column("due_at", UtcTime),  # of the next try; none when it is over
    Column("error", String(200)),
    Column("created_at", UtcTime, nullable=False),
    Column("sent_at", UtcTime),
    Index("ix_robot_messages_state_due_at", "state", "due_at"),
    Index("ix_robot_messages_robot_id_created_at", "robot_id", "created_at"),
)
