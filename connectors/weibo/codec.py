"""The wire of pushes: signature (SHA-1 of the sorted AppSecret, timestamp and nonce) and JSON.

Source: the fans-service pages of Weibo's open platform.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

import msgspec

from bot.types import Happened, Incoming, Kind, MediaRef
from connectors.seam import MAX_PUSH_BYTES
from core.clock import UTC
from core.errors import NotFromThisChannel, UnsupportedEvent
from core.ids import ChannelId

# Kinds whose file is fetched afterwards, and what it is called until then.
_FILES = {"image": (Kind.IMAGE, "图片.jpg"), "voice": (Kind.FILE, "语音.mp3")}
_LONGEST_NUMBER = 20
_ACTS = {
    "follow": "followed",
    "scan_follow": "followed",
    "subscribe": "followed",
    "unfollow": "left",
    "unsubscribe": "left",
}
_IN_WORDS = {"image": "[图片]", "voice": "[语音]"}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Push(msgspec.Struct):
    """A push; fields that the platform adds are ignored."""

    type: str
    receiver_id: int | str
    sender_id: int | str
    created_at: str
    text: str = ""
    data: dict[str, object] = {}


def signature(app_secret: str, timestamp: str, nonce: str) -> str:
    """The platform's signature of a request."""
    joined = "".join(sorted((app_secret, timestamp, nonce)))
    return hashlib.sha1(joined.encode(), usedforsecurity=False).hexdigest()


def check_signature(app_secret: str, query: Mapping[str, str]) -> None:
    """Raise NotFromThisChannel unless the request was signed with our AppSecret (constant time)."""
    wanted = signature(app_secret, query.get("timestamp", ""), query.get("nonce", ""))
    if not app_secret or not hmac.compare_digest(wanted.encode(), query.get("signature", "").encode()):
        raise NotFromThisChannel("signature")


def incoming(channel_id: ChannelId, raw: bytes) -> Incoming | Happened:
    """Read a push. Raises NotFromThisChannel for a bad shape, UnsupportedEvent for what is not used.

    There is no message id, and times have whole seconds: the key takes type, time and the whole body's hash.
    """
    if len(raw) > MAX_PUSH_BYTES:
        raise NotFromThisChannel("too long")
    try:
        push = msgspec.json.decode(raw, type=Push)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as exc:
        raise NotFromThisChannel("JSON") from exc
    sender, media = str(push.sender_id), _media(push)
    if not sender.isdigit() or len(sender) > 20:
        raise NotFromThisChannel("sender")
    key = f"wb:{push.created_at}:{push.type}:{hashlib.sha256(raw).hexdigest()}"[:160]
    if push.type == "event" and (act := _ACTS.get(str(push.data.get("subtype")))) is not None:
        return Happened(channel_id, sender, key, act)
    return Incoming(
        channel_id=channel_id,
        external_id=sender,
        dedupe_key=key,
        kind=_FILES[push.type][0] if media is not None else Kind.TEXT,
        text=_words(push),
        media=media,
        sent_at=moment(push.created_at),
    )


def _media(push: Push) -> MediaRef | None:
    """What is to be fetched later; `tovfid` is the receiver's name for it."""
    reference = str(push.data.get("tovfid") or "")
    if push.type not in _FILES or not reference.isdigit() or len(reference) > _LONGEST_NUMBER:
        return None
    return MediaRef(reference, _FILES[push.type][1])


def _words(push: Push) -> str:
    match push.type:
        case "text":
            return push.text
        case "position":
            return f"[位置] {push.text}".strip()
        case _ if push.type in _IN_WORDS:
            return _IN_WORDS[push.type]
        case "event" if push.data.get("subtype") == "click" and push.data.get("key"):
            return str(push.data["key"])
        case _:
            raise UnsupportedEvent(f"{push.type}:{push.data.get('subtype', '')}")


def moment(text: str) -> datetime | None:
    """`Mon Jul 16 18:09:20 +0800 2012` → aware UTC; None when it cannot be read (it only sorts, it proves nothing)."""
    try:
        week_day, month, day, clock, zone, year = text.split()
        if month not in _MONTHS:
            return None
        return parsedate_to_datetime(f"{week_day}, {day} {month} {year} {clock} {zone}").astimezone(UTC)
    except (ValueError, TypeError, IndexError):
        return None
