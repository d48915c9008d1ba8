"""WeChat's platform, small: pushes signed XML, gives tokens, takes customer-service messages and counts them."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape

import aiohttp
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from gateway.demo.platforms.phone import SENT, Phones
from gateway.demo.platforms.push import Pushed, push

ACCOUNT = "gh_demo00000001"
_QUOTA = 5
_WINDOW_S = 48 * 3600.0
_TOKEN_LIFE_S = 7200
_TEXT_BYTES = 2_048
_AFTER_FOLLOWING = 3
_PICTURE_BYTES = 10 * 1024 * 1024


@dataclass(slots=True)
class _Customer:
    last_words_at: float = 0.0
    messages_left: int = 0
    follows: bool = True


@dataclass(slots=True)
class WeChatPlatform:
    """One official account. `now` is in Unix seconds; `quota` None lifts the count of five."""

    token: str
    app_id: str
    secret: str
    phones: Phones = field(default_factory=Phones)
    now: Callable[[], float] = time.time
    quota: int | None = _QUOTA
    aes_key: str = ""
    """With it pushes are encrypted: alone (secure mode), or beside the plain fields when `compatible`."""
    compatible: bool = False
    busy_after: int | None = None
    """After so many more messages the platform is too busy for one."""
    media: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    """What is kept under a MediaId: content type and content."""
    _customers: dict[str, _Customer] = field(default_factory=dict)
    _token: str = ""
    _token_until: float = 0.0

    def openid(self, user: str) -> str:
        """The 28 characters by which this account knows a customer."""
        digest = hashlib.sha256(f"{self.app_id}:{user}".encode()).hexdigest()
        return f"o{digest[:27]}"

    def signed(self) -> dict[str, str]:
        """The query of a push or of the URL check."""
        timestamp, nonce = str(int(self.now())), str(secrets.randbelow(10**9))
        joined = "".join(sorted((self.token, timestamp, nonce)))
        signature = hashlib.sha1(joined.encode(), usedforsecurity=False).hexdigest()
        return {"signature": signature, "timestamp": timestamp, "nonce": nonce}

    async def write(
        self,
        session: aiohttp.ClientSession,
        url: str,
        user: str,
        text: str,
        *,
        menu_id: str | None = None,
        deliveries: int = 1,
    ) -> Pushed:
        """The customer writes, or taps an entry of a menu; the push goes to `url`."""
        openid = self.openid(user)
        known = self._customers.setdefault(openid, _Customer())
        # A tap on a menu opens no window of 48 hours, but a typed message does; the demo counts both as words.
        known.last_words_at, known.messages_left = self.now(), self.quota or 0
        await self.phones.show(user, mine=True, text=text)
        message_id = str(secrets.randbelow(2**63))
        extra = f"<bizmsgmenuid>{escape(menu_id)}</bizmsgmenuid>" if menu_id else ""
        body = (
            f"<xml><ToUserName><![CDATA[{ACCOUNT}]]></ToUserName><FromUserName><![CDATA[{openid}]]></FromUserName>"
            f"<CreateTime>{int(self.now())}</CreateTime><MsgType><![CDATA[text]]></MsgType>"
            f"<Content>{escape(text)}</Content><MsgId>{message_id}</MsgId>{extra}</xml>"
        )
        query, sent = self._wrapped({**self.signed(), "openid": openid}, body)
        return await push(session, url, query, sent.encode(), "text/xml", deliveries=deliveries)

    async def send_file(
        self, session: aiohttp.ClientSession, url: str, user: str, kind: str, content_type: str, data: bytes
    ) -> Pushed:
        """The customer sends a picture, a recording or a video."""
        openid = self.openid(user)
        known = self._customers.setdefault(openid, _Customer())
        known.last_words_at, known.messages_left = self.now(), self.quota or 0
        media_id = secrets.token_urlsafe(48)
        self.media[media_id] = (content_type, data)
        await self.phones.show(user, mine=True, text=SENT[kind])
        body = (
            f"<xml><ToUserName><![CDATA[{ACCOUNT}]]></ToUserName><FromUserName><![CDATA[{openid}]]></FromUserName>"
            f"<CreateTime>{int(self.now())}</CreateTime><MsgType><![CDATA[{kind}]]></MsgType>"
            f"<MediaId><![CDATA[{media_id}]]></MediaId><MsgId>{secrets.randbelow(2**63)}</MsgId></xml>"
        )
        query, sent = self._wrapped({**self.signed(), "openid": openid}, body)
        return await push(session, url, query, sent.encode(), "text/xml")

    def give_media(self, access_token: str, media_id: str) -> tuple[str, bytes]:
        """`media/get`: (content type, content); a refusal is JSON."""
        if not self._knows(access_token):
            return "application/json", b'{"errcode":40001,"errmsg":"invalid credential"}'
        if media_id not in self.media:
            return "text/plain", b'{"errcode":40007,"errmsg":"invalid media_id"}'
        return self.media[media_id]

    def take_media(self, access_token: str, kind: str, name: str, data: bytes) -> dict[str, Any]:
        """`media/upload` of a picture."""
        if not self._knows(access_token):
            return {"errcode": 40001, "errmsg": "invalid credential"}
        if kind != "image" or name.rsplit(".", 1)[-1].lower() not in ("png", "jpg", "jpeg", "gif"):
            return {"errcode": 40004, "errmsg": "invalid media type"}
        if len(data) > _PICTURE_BYTES:
            return {"errcode": 40009, "errmsg": "invalid image size"}
        media_id = secrets.token_urlsafe(48)
        self.media[media_id] = ("image/png", data)
        return {"type": "image", "media_id": media_id, "created_at": int(self.now())}

    def _knows(self, access_token: str) -> bool:
        return bool(self._token) and access_token == self._token and self.now() < self._token_until

    def _wrapped(self, query: dict[str, str], body: str) -> tuple[dict[str, str], str]:
        """The push as the account's mode wants it."""
        if not self.aes_key:
            return query, body
        encrypted = self._encrypt(body.encode())
        joined = "".join(sorted((self.token, query["timestamp"], query["nonce"], encrypted)))
        query |= {
            "encrypt_type": "aes",
            "msg_signature": hashlib.sha1(joined.encode(), usedforsecurity=False).hexdigest(),
        }
        envelope = f"<Encrypt><![CDATA[{encrypted}]]></Encrypt>"
        if self.compatible:
            return query, body.replace("</xml>", f"{envelope}</xml>")
        return query, f"<xml><ToUserName><![CDATA[{ACCOUNT}]]></ToUserName>{envelope}</xml>"

    def _encrypt(self, message: bytes) -> str:
        key = base64.b64decode(self.aes_key + "=")
        plain = secrets.token_bytes(16) + len(message).to_bytes(4, "big") + message + self.app_id.encode()
        missing = 32 - len(plain) % 32
        encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
        return base64.b64encode(encryptor.update(plain + bytes([missing]) * missing) + encryptor.finalize()).decode()

    def give_token(self, body: dict[str, Any]) -> dict[str, Any]:
        """`stable_token`: the same token until it runs out, unless a refresh is forced."""
        if body.get("appid") != self.app_id:
            return {"errcode": 40013, "errmsg": "invalid appid"}
        if body.get("secret") != self.secret:
            return {"errcode": 40125, "errmsg": "invalid appsecret"}
        if body.get("force_refresh") or self.now() >= self._token_until:
            self._token, self._token_until = secrets.token_urlsafe(48), self.now() + _TOKEN_LIFE_S
        return {"access_token": self._token, "expires_in": int(self._token_until - self.now())}

    def forget_token(self) -> None:
        """Make the present token useless, as a change of the account's secret does."""
        self._token, self._token_until = "", 0.0

    async def follow(
        self, session: aiohttp.ClientSession, url: str, user: str, *, leave: bool = False, deliveries: int = 1
    ) -> Pushed:
        """The customer follows the account, or leaves it; the push goes to `url`."""
        openid = self.openid(user)
        known = self._customers.setdefault(openid, _Customer())
        known.follows = not leave
        if not leave:
            # Following opens a minute with three messages; the demo's minute is as long as its window.
            known.last_words_at, known.messages_left = self.now(), _AFTER_FOLLOWING
        body = (
            f"<xml><ToUserName><![CDATA[{ACCOUNT}]]></ToUserName><FromUserName><![CDATA[{openid}]]></FromUserName>"
            f"<CreateTime>{int(self.now())}</CreateTime><MsgType><![CDATA[event]]></MsgType>"
            f"<Event><![CDATA[{'unsubscribe' if leave else 'subscribe'}]]></Event><EventKey></EventKey></xml>"
        )
        query, sent = self._wrapped({**self.signed(), "openid": openid}, body)
        return await push(session, url, query, sent.encode(), "text/xml", deliveries=deliveries)

    def unfollow(self, user: str) -> None:
        """The customer leaves the account."""
        self._customers.setdefault(self.openid(user), _Customer()).follows = False

    async def take(self, access_token: str, raw: bytes, users: dict[str, str]) -> dict[str, Any]:
        """`message/custom/send`; `users` gives the phone of each openid."""
        if not self._knows(access_token):
            return {"errcode": 40001, "errmsg": "invalid credential"}
        if b"\\u" in raw:
            return {"errcode": 40033, "errmsg": "invalid charset"}
        try:
            body = json.loads(raw)
            openid, kind = body["touser"], body["msgtype"]
        except (ValueError, KeyError, TypeError):
            return {"errcode": 47001, "errmsg": "data format error"}
        known = self._customers.get(openid)
        if known is None or openid not in users:
            return {"errcode": 40003, "errmsg": "invalid openid"}
        if not known.follows or self.now() - known.last_words_at > _WINDOW_S:
            return {"errcode": 45015, "errmsg": "response out of time limit or subscription is canceled"}
        if self.quota is not None and known.messages_left <= 0:
            return {"errcode": 45047, "errmsg": "out of response count limit"}
        choices: tuple[dict[str, str], ...] = ()
        match kind:
            case "text":
                text = str(body["text"]["content"])
            case "msgmenu":
                menu = body["msgmenu"]
                text = str(menu["head_content"]).strip()
                choices = tuple({"id": str(each["id"]), "label": str(each["content"])} for each in menu["list"])
            case "image":
                if body["image"]["media_id"] not in self.media:
                    return {"errcode": 40007, "errmsg": "invalid media_id"}
                text = "[图片]"
            case _:
                return {"errcode": 48008, "errmsg": "no permission for this msgtype"}
        if len(text.encode()) > _TEXT_BYTES:
            return {"errcode": 45002, "errmsg": "content size out of limit"}
        if self.busy_after is not None:
            self.busy_after -= 1
            if self.busy_after < 0:
                self.busy_after = None
                return {"errcode": -1, "errmsg": "system error"}
        known.messages_left -= 1
        await self.phones.show(users[openid], mine=False, text=text, choices=choices)
        return {"errcode": 0, "errmsg": "ok"}
