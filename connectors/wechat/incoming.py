"""From the fields of a push to `Incoming`: what was said, under a key that no other message shares.

`MsgId` alone has collided in the field, so messages are known by both accounts, MsgId and CreateTime, events by both
accounts, CreateTime, Event and EventKey.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from bot.types import Happened, Incoming, Kind, MediaRef
from core.clock import UTC
from core.errors import NotFromThisChannel, UnsupportedEvent
from core.ids import ChannelId

# Kinds whose file is fetched afterwards, and what it is called until then.
_FILES = {
    "image": (Kind.IMAGE, "图片.jpg"),
    "voice": (Kind.FILE, "语音.amr"),
    "video": (Kind.VIDEO, "视频.mp4"),
    "shortvideo": (Kind.VIDEO, "小视频.mp4"),
}
_LONGEST_MEDIA_ID = 256
_ACTS = {"subscribe": "followed", "unsubscribe": "left"}
# The customer's act in words: lists show them, and they stay if the file cannot be fetched.
_IN_WORDS = {
    "image": "[图片]",
    "voice": "[语音]",
    "video": "[视频]",
    "shortvideo": "[小视频]",
    "miniprogrampage": "[小程序卡片]",
}


def incoming(channel_id: ChannelId, fields: Mapping[str, str]) -> Incoming | Happened:
    """Raises NotFromThisChannel when a field is missing, UnsupportedEvent for what is known and not used."""
    try:
        sender, account = fields["FromUserName"], fields["ToUserName"]
        created, kind = int(fields["CreateTime"]), fields["MsgType"]
    except (KeyError, ValueError) as exc:
        raise NotFromThisChannel("fields") from exc
    if not sender or len(sender) > 128:
        raise NotFromThisChannel("sender")
    try:
        sent_at = datetime.fromtimestamp(created, tz=UTC)
    except (ValueError, OverflowError, OSError) as exc:
        raise NotFromThisChannel("CreateTime") from exc
    if kind == "event":
        return _event(channel_id, fields, sender, account, created, sent_at)
    message_id = fields.get("MsgId", "")
    if not message_id:
        raise NotFromThisChannel("MsgId")
    text, choice_id = _words(kind, fields)
    media = _media(kind, fields)
    said_by = Kind.CHOICE if choice_id else Kind.TEXT
    return Incoming(
        channel_id=channel_id,
        external_id=sender,
        dedupe_key=f"wx:{account}:{message_id}:{created}"[:160],
        kind=_FILES[kind][0] if media is not None else said_by,
        text=text,
        choice_id=choice_id,
        media=media,
        sent_at=sent_at,
    )


def _media(kind: str, fields: Mapping[str, str]) -> MediaRef | None:
    """What is to be fetched later, by its id."""
    media_id = fields.get("MediaId", "")
    if kind not in _FILES or not media_id or len(media_id) > _LONGEST_MEDIA_ID:
        return None
    return MediaRef(media_id, _FILES[kind][1])


def _words(kind: str, fields: Mapping[str, str]) -> tuple[str, str | None]:
    """(text, tapped choice)."""
    match kind:
        case "text":
            tapped = fields.get("bizmsgmenuid", "")
            return fields.get("Content", ""), tapped or None
        case "location":
            place = fields.get("Label", "") or f"{fields.get('Location_X', '')},{fields.get('Location_Y', '')}"
            return f"[位置] {place}", None
        case "link":
            return f"[链接] {fields.get('Title', '')} {fields.get('Url', '')}".strip(), None
        case _ if kind in _IN_WORDS:
            return _IN_WORDS[kind], None
        case _:
            return "[暂不支持的消息]", None


def _event(
    channel_id: ChannelId, fields: Mapping[str, str], sender: str, account: str, created: int, sent_at: datetime
) -> Incoming | Happened:
    event, key = fields.get("Event", ""), fields.get("EventKey", "")
    if event in _ACTS:
        return Happened(channel_id, sender, f"wx:{account}:{created}:{event}:{key}"[:160], _ACTS[event])
    # A menu entry is a question by its key; all other events change nothing here.
    if event != "CLICK" or not key:
        raise UnsupportedEvent(event or "event")
    return Incoming(
        channel_id=channel_id,
        external_id=sender,
        dedupe_key=f"wx:{account}:{created}:{event}:{key}"[:160],
        kind=Kind.TEXT,
        text=key,
        sent_at=sent_at,
    )
