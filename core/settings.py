"""Every setting, read once from the environment (`FRONTLINE_*`, also from `.env`) into one frozen tree.

A value may come from a file instead: `FRONTLINE_X_FILE=/path` is read when `FRONTLINE_X` is not set.
`docs/settings.md` lists the same fields; a test compares the two.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


class BadSettings(ValueError):
    """A setting cannot be used; the text says which one and what it should look like."""


def _about(text: str) -> dict[str, str]:
    return {"about": text}


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole configuration. Names are those of the environment in lower case without `FRONTLINE_`."""

    port: int = field(default=8080, metadata=_about("Port of the public HTTP server."))
    host: str = field(default="", metadata=_about("Address to bind; 127.0.0.1 in demo mode, else 0.0.0.0."))
    public_url: str = field(default="", metadata=_about("Address customers reach; http://host:port if empty."))
    trusted_proxies: tuple[str, ...] = field(
        default=(), metadata=_about("Addresses or networks whose X-Forwarded-* headers count, comma separated.")
    )
    data: Path = field(default=Path(".data"), metadata=_about("Folder for everything that is written."))
    database_url: str = field(
        default="", metadata=_about("sqlite:///path or postgresql://…; SQLite in the data folder if empty.")
    )
    redis_url: str = field(
        default="", metadata=_about("redis://, rediss:// or unix:// URL; an embedded server if empty.")
    )
    redis_server: str = field(
        default="", metadata=_about("Which server `frontline run` starts: path, embedded, or the best if empty.")
    )
    rasa_urls: tuple[str, ...] = field(
        default=(), metadata=_about("Assistants run by the operator, comma separated; our own if empty.")
    )
    rasa_token: str = field(default="", metadata=_about("Token of those assistants; made at start for our own."))
    rasa_slots: int = field(default=1, metadata=_about("How many assistants `frontline run` starts."))
    rasa_timeout_s: float = field(default=1.5, metadata=_about("How long a turn waits for the assistant."))
    action_port: int = field(default=0, metadata=_about("Loopback port of the action endpoint; PORT + 2 if 0."))
    action_token: str = field(default="", metadata=_about("Token Rasa shows there; made at start if empty."))
    demo_shop_port: int = field(
        default=0, metadata=_about("Loopback port of the demo shop (another origin); PORT + 1 if 0.")
    )
    gateways: int = field(default=1, metadata=_about("How many gateways `frontline run` starts (PostgreSQL only)."))
    encoder_socket: Path | None = field(
        default=None, metadata=_about("Unix socket of the encoder; in the data folder if empty.")
    )
    kb_model: str = field(
        default="", metadata=_about("Any sentence-transformers model or folder; the bundled one if empty.")
    )
    secret_file: Path | None = field(
        default=None, metadata=_about("File of signing and encryption keys, made once; in the data folder if empty.")
    )
    timezone: str = field(default="Asia/Shanghai", metadata=_about("Time zone of serial numbers and pages."))
    log_level: str = field(default="INFO", metadata=_about("DEBUG, INFO, WARNING or ERROR."))
    log_max_mb: int = field(default=100, metadata=_about("Size cap of each process's logs, rotation included."))
    admin_password: str = field(default="", metadata=_about("When set, `admin` has it, in demo mode too."))
    demo: bool = field(default=False, metadata=_about("Demo data, accounts and pages; 1 by default in `make run`."))
    demo_history: bool = field(default=True, metadata=_about("Make the demo's history of 90 days at its first start."))
    clock_offset_s: float = field(default=0.0, metadata=_about("Moves the clock; demo and tests only."))
    visitor_burst: int = field(default=20, metadata=_about("Messages a visitor may send at once."))
    visitor_per_s: float = field(default=1.0, metadata=_about("Messages per second a visitor regains."))
    address_sessions_per_min: int = field(default=600, metadata=_about("New chat sessions per address and minute."))
    address_requests_per_min: int = field(default=3000, metadata=_about("Requests per address and minute."))
    turn_gather_s: float = field(default=1.5, metadata=_about("Messages within this time are one turn."))
    episode_silence_web_s: float = field(default=1800.0, metadata=_about("Silence that ends a web episode."))
    episode_silence_s: float = field(default=86400.0, metadata=_about("Silence that ends an episode elsewhere."))
    close_silence_h: float = field(
        default=72.0, metadata=_about("Hours of silence after a conclusion that close a ticket.")
    )
    survey_delay_h: float = field(
        default=0.0, metadata=_about("Hours from a conclusion to its survey; at most 24, at once if 0.")
    )
    mail_hook_url: str = field(
        default="", metadata=_about("Gets mail to customers and guests as signed JSON posts; none is sent if empty.")
    )
    sms_hook_url: str = field(
        default="", metadata=_about("Gets short messages to customers as signed JSON posts; none is sent if empty.")
    )
    hook_secret: str = field(
        default="", metadata=_about("Signs posts to the mail and SMS hooks, which are off while it is empty.")
    )
    executive: str = field(
        default="", metadata=_about("Log-in name of the head whom customers may ask; the first executive if empty.")
    )
    executive_email: str = field(
        default="", metadata=_about("Where that head gets links and codes, through the mail hook.")
    )
    webhook_private: bool = field(
        default=False, metadata=_about("Lets webhooks go to loopback and private addresses, and over http.")
    )
    data_quota_mb: int = field(
        default=512, metadata=_about("Free space below which uploads are refused and readiness is degraded.")
    )

    @property
    def bind_host(self) -> str:
        """The address to bind when none was named."""
        return self.host or ("127.0.0.1" if self.demo else "0.0.0.0")  # noqa: S104 - behind a proxy by design

    @property
    def base_url(self) -> str:
        """The address customers reach, without a slash at the end."""
        if self.public_url:
            return self.public_url.rstrip("/")
        host = "127.0.0.1" if self.bind_host in ("0.0.0.0", "::", "127.0.0.1") else self.bind_host  # noqa: S104
        return f"http://{host}:{self.port}"

    @property
    def shop_port(self) -> int:
        """Port of the demo shop, one above the public port unless named."""
        return self.demo_shop_port or self.port + 1

    @property
    def actions_port(self) -> int:
        """Port of the action endpoint, two above the public port unless named."""
        return self.action_port or self.port + 2

    @property
    def database(self) -> str:
        """The SQLAlchemy URL with its async driver."""
        url = self.database_url or f"sqlite:///{self.data / 'frontline.db'}"
        for plain, driver in (
            ("sqlite:///", "sqlite+aiosqlite:///"),
            ("postgresql://", "postgresql+asyncpg://"),
            ("postgres://", "postgresql+asyncpg://"),
        ):
            if url.startswith(plain):
                return driver + url.removeprefix(plain)
        return url

    @property
    def sqlite(self) -> bool:
        """Whether the one-gateway database is in use."""
        return self.database.startswith("sqlite")

    @property
    def encoder_path(self) -> Path:
        """The encoder's Unix socket (kept short: 107 bytes is the limit of the address family)."""
        return self.encoder_socket or self.data / "run" / "encoder.sock"

    @property
    def secrets_path(self) -> Path:
        """The file of signing and encryption keys."""
        return self.secret_file or self.data / "secret.json"


def _read(env: Mapping[str, str], name: str) -> str | None:
    value = env.get(name)
    if value is not None:
        return value
    path = env.get(f"{name}_FILE")
    # SECRET_FILE is itself a setting, not the file form of a setting called SECRET.
    return Path(path).read_text(encoding="utf-8").strip() if path else None


def _convert(name: str, kind: str, text: str) -> object:
    try:
        match kind:
            case "int":
                return int(text)
            case "float":
                return float(text)
            case "bool":
                if text.lower() not in ("0", "1", "true", "false", ""):
                    raise ValueError(text)
                return text.lower() in ("1", "true")
            case "Path" | "Path | None":
                return Path(text) if text else None
            case "tuple[str, ...]":
                return tuple(part.strip() for part in text.split(",") if part.strip())
            case _:
                return text
    except ValueError as exc:
        raise BadSettings(f"FRONTLINE_{name.upper()}={text!r} is not a valid {kind}") from exc


def read_settings(env: Mapping[str, str] | None = None) -> Settings:
    """Read the environment. Raises BadSettings naming the variable that cannot be used."""
    env = os.environ if env is None else env
    values: dict[str, object] = {}
    for each in fields(Settings):
        text = _read(env, f"FRONTLINE_{each.name.upper()}")
        if text is not None and not (text == "" and each.type != "str"):
            values[each.name] = _convert(each.name, str(each.type), text)
    settings = Settings(**values)  # type: ignore[arg-type]  # converted by each field's own type above
    try:
        ZoneInfo(settings.timezone)
    except (ZoneInfoNotFoundError, ValueError) as exc:
        raise BadSettings(f"FRONTLINE_TIMEZONE={settings.timezone!r} is not a time zone") from exc
    if not 0 <= settings.survey_delay_h <= 24:
        raise BadSettings(f"FRONTLINE_SURVEY_DELAY_H={settings.survey_delay_h:g} is not between 0 and 24")
    if settings.clock_offset_s and not settings.demo and "PYTEST_CURRENT_TEST" not in env:
        raise BadSettings("FRONTLINE_CLOCK_OFFSET_S is for demo mode only (FRONTLINE_DEMO=1)")
    return settings
