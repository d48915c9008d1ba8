"""Tables of the people who work here. Written by `gateway/auth` (accounts, sessions, keys) and `people/store.py`."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, Text

from core.columns import Json, SealedText, UtcTime
from core.db import metadata

staff = Table(
    "staff",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("name", String(64), nullable=False, unique=True),  # log-in name, lower case
    Column("display_name", String(64), nullable=False),
    Column("password_hash", Text),  # argon2id; null: cannot log in by password
    Column("roles", Json, nullable=False),  # list of role codes, see roles.py
    Column("totp_secret", SealedText),
    Column("totp_last_step", Integer),  # the last time step used; a code works once
    Column("must_change_password", Boolean, nullable=False, default=False),
    Column("disabled_at", UtcTime),
    Column("demo", Boolean, nullable=False, default=False),
    Column("created_at", UtcTime, nullable=False),
)

staff_sessions = Table(
    "staff_sessions",
    metadata,
    Column("id", String(64), primary_key=True),  # SHA-256 of the cookie's secret
    Column("staff_id", ForeignKey("staff.id", ondelete="CASCADE"), nullable=False),
    Column("csrf", String(64), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("seen_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("address", String(64), nullable=False, default=""),
    Column("agent", String(200), nullable=False, default=""),
    Index("ix_staff_sessions_staff_id", "staff_id"),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("name", String(64), nullable=False),
    Column("key_hash", String(64), nullable=False, unique=True),
    Column("role", String(20), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("used_at", UtcTime),
    Column("revoked_at", UtcTime),
)

calendars = Table(
    "calendars",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("name", String(64), nullable=False),
    Column("timezone", String(64), nullable=False),  # its own, never the machine's
    Column("hours", Json, nullable=False),  # {"mon": [["09:00", "12:00"], …], …}; "24:00" ends a day
    Column("holidays", Json, nullable=False),  # ["2026-10-01", …]
    Column("workdays", Json, nullable=False),  # weekend days that are worked (调休)
)

teams = Table(
    "teams",
    metadata,
    Column("id", String(40), primary_key=True),  # a slug such as "payment"
    Column("name", String(64), nullable=False),
    Column("calendar_id", ForeignKey("calendars.id"), nullable=False),
    Column("position", Integer, nullable=False, default=0),
    Column("demo", Boolean, nullable=False, default=False),
)

team_members = Table(
    "team_members",
    metadata,
    Column("team_id", ForeignKey("teams.id", ondelete="CASCADE"), primary_key=True),
    Column("staff_id", ForeignKey("staff.id", ondelete="CASCADE"), primary_key=True),
    Index("ix_team_members_staff_id", "staff_id"),
)

staff_skills = Table(
    "staff_skills",
    metadata,
    Column("staff_id", ForeignKey("staff.id", ondelete="CASCADE"), primary_key=True),
    Column("skill", String(40), primary_key=True),
)
