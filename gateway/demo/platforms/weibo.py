"""Weibo's fans service, small: pushes signed JSON, takes private messages of fewer than 300 characters."""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import aiohttp

from core.clock import SHANGHAI
from gateway.demo.platforms.phone import SENT, Phones
from gateway.demo.platforms.push import Pushed, push

ACCOUNT = 9_000_000_001
_WINDOW_S = 48 * 3600.0
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(slots=True)
class WeiboPlatform:
    """One V account. `now` is in Unix seconds."""

    app_secret: str
    access_token: str
    phones: Phones = field(default_factory=Phones)
    now: Callable[[], float] = time.time
    media: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    """What is kept under a fid: content type and content."""
    busy_after: int | None = None
    """After so many more messages the platform is too busy for one."""
    _last_words: dict[str, float] = field(default_factory=dict)

    def uid(self, user: str) -> str:
        """The number by which the platform knows a fan."""
        return str(1_000_000_000 + int(hashlib.sha256(user.encode()).hexdigest()[:12], 16) % 8_000_000_000)

    def signed(self) -> dict[str, str]:
        """The query of a push or of the URL check; the timestamp is in milliseconds."""
        timestamp, nonce = str(int(self.now() * 1000)), str(secrets.randbelow(10**9))
        joined = "".join(sorted((self.app_secret, timestamp, nonce)))
        signature = hashlib.sha1(joined.encode(), usedforsecurity=False).hexdigest()
        return {"signature": signature, "timestamp": timestamp, "nonce": nonce}

    def created_at(self) -> str:
        """`Mon Jul 16 18:09:20 +0800 2012`, with English names whatever the locale."""
        here = datetime.fromtimestamp(self.now(), tz=SHANGHAI)
        return f"{_DAYS[here.weekday()]} {_MONTHS[here.month - 1]} {here.day:02d} {here:%H:%M:%S} +0800 {here.year}"

    async def write(
        self, session: aiohttp.ClientSession, url: str, user: str, text: str, *, deliveries: int = 1
    ) -> Pushed:
        """The fan writes a private message; the push goes to `url`."""
        self._last_words[self.uid(user)] = self.now()
        await self.phones.show(user, mine=True, text=text)
        body = json.dumps(
            {
                "type": "text",
                "receiver_id": ACCOUNT,
                "sender_id": int(self.uid(user)),
                "created_at": self.created_at(),
                "text": text,
                "data": {},
            },
            ensure_ascii=False,
        )
        return await push(session, url, self.signed(), body.encode(), "application/json", deliveries=deliveries)

    async def follow(
        self, session: aiohttp.ClientSession, url: str, user: str, *, leave: bool = False, deliveries: int = 1
    ) -> Pushed:
        """The fan follows the account, or leaves it; the push goes to `url`."""
        if not leave:
            self._last_words[self.uid(user)] = self.now()
        body = {
            "type": "event",
            "receiver_id": ACCOUNT,
            "sender_id": int(self.uid(user)),
            "created_at": self.created_at(),
            "text": "取消关注事件消息" if leave else "关注事件消息",
            "data": {"subtype": "unfollow" if leave else "follow"},
        }
        sent = json.dumps(body, ensure_ascii=False).encode()
        return await push(session, url, self.signed(), sent, "application/json", deliveries=deliveries)

    async def send_file(
        self, session: aiohttp.ClientSession, url: str, user: str, kind: str, content_type: str, data: bytes
    ) -> Pushed:
        """The fan sends a picture or a recording."""
        self._last_words[self.uid(user)] = self.now()
        fid = str(secrets.randbelow(10**15))
        self.media[fid] = (content_type, data)
        await self.phones.show(user, mine=True, text=SENT[kind])
        body = {
            "type": kind,
            "receiver_id": ACCOUNT,
            "sender_id": int(self.uid(user)),
            "created_at": self.created_at(),
            "text": "发了一张图片" if kind == "image" else "发了一个语音消息",
            "data": {"vfid": int(fid) + 1, "tovfid": int(fid)},
        }
        sent = json.dumps(body, ensure_ascii=False).encode()
        return await push(session, url, self.signed(), sent, "application/json")

    def give_media(self, access_token: str, fid: str) -> tuple[str, bytes]:
        """`msget`: (content type, content); a refusal is JSON."""
        if access_token != self.access_token or fid not in self.media:
            return "application/json", b'{"error_code":"21332","error":"invalid_access_token"}'
        return self.media[fid]

    async def take(self, access_token: str, form: Mapping[str, str], users: dict[str, str]) -> dict[str, Any]:
        """`messages/reply.json`; `users` gives the phone of each uid."""
        request = "/2/messages/reply.json"
        if access_token != self.access_token:
            return {"request": request, "error_code": "21332", "error": "invalid_access_token"}
        uid = form.get("receiver_id", "")
        if uid not in users:
            return {"request": request, "error_code": "20003", "error": "User does not exists!"}
        if self.now() - self._last_words.get(uid, 0.0) > _WINDOW_S:
            return {"request": request, "error_code": "26403", "error": "out of reply window"}
        try:
            text = str(json.loads(form["data"])["text"])
        except (ValueError, KeyError, TypeError):
            # Encoded twice, or not at all.
            return {"request": request, "error_code": "10008", "error": "param error"}
        if len(text) >= 300:
            return {"request": request, "error_code": "20013", "error": "Text too long"}
        if self.busy_after is not None:
            self.busy_after -= 1
            if self.busy_after < 0:
                self.busy_after = None
                return {"request": request, "error_code": "10009", "error": "too many pending tasks"}
        await self.phones.show(users[uid], mine=False, text=text)
        return {"result": True}
