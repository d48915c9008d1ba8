"""What each platform's group robot takes: address, body and signature. Pure functions of values.

企业微信   the key in the address is all there is
钉钉       address with `timestamp` (ms) and `sign`: HMAC-SHA256 of "timestamp\nsecret" under the secret, base64
飞书       body with `timestamp` (s) and `sign`: HMAC-SHA256 of nothing under "timestamp\nsecret", base64
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit


class RobotKind(StrEnum):
    """The platforms."""

    WECOM = "wecom"
    DINGTALK = "dingtalk"
    FEISHU = "feishu"


@dataclass(frozen=True, slots=True)
class Call:
    """One request as it goes out."""

    url: str
    body: Mapping[str, Any]


# Answers of a platform that no second try mends: wrong key, wrong signature, wrong address.
_FINAL = frozenset({93000, 310000, 300001, 19021, 19022, 19024, 9499, 40035, 40008})


def call(
    kind: RobotKind, url: str, secret: str | None, *, title: str, lines: Sequence[str], link: str | None, now: datetime
) -> Call:
    """The request that says `title` and `lines` in the robot's group."""
    match kind:
        case RobotKind.WECOM:
            return Call(url, {"msgtype": "markdown", "markdown": {"content": _markdown(title, lines, link)}})
        case RobotKind.DINGTALK:
            body = {"msgtype": "markdown", "markdown": {"title": title, "text": _markdown(title, lines, link)}}
            return Call(_signed_address(url, secret, now), body)
        case RobotKind.FEISHU:
            return Call(url, {**_signed_body(secret, now), "msg_type": "post", "content": _post(title, lines, link)})


def refusal(kind: RobotKind, status: int, answer: Any) -> tuple[str, bool] | None:
    """Why the platform did not take it, and whether another try may help; None when it did.

    All three answer 200 to what they refuse, so the code in the body decides.
    """
    if status != 200:
        return f"http {status}", status >= 500 or status == 429
    if not isinstance(answer, Mapping):
        return "not a robot's answer", False
    names = ("code", "StatusCode") if kind is RobotKind.FEISHU else ("errcode",)
    code = next((answer[name] for name in names if name in answer), None)
    if code == 0:
        return None
    text = str(answer.get("msg") or answer.get("errmsg") or "")[:120]
    return f"{code} {text}".strip(), code not in _FINAL and code is not None


def _markdown(title: str, lines: Sequence[str], link: str | None) -> str:
    # Two line ends part paragraphs in both dialects.
    said = [f"**{title}**", *lines]
    if link:
        said.append(f"[{link}]({link})")
    return "\n\n".join(said)


def _post(title: str, lines: Sequence[str], link: str | None) -> dict[str, Any]:
    rows: list[list[dict[str, str]]] = [[{"tag": "text", "text": line}] for line in lines]
    if link:
        rows.append([{"tag": "a", "text": link, "href": link}])
    return {"post": {"zh_cn": {"title": title, "content": rows}}}


def _signed_address(url: str, secret: str | None, now: datetime) -> str:
    if not secret:
        return url
    stamp = str(int(now.timestamp() * 1000))
    sign = _hmac(secret, f"{stamp}\n{secret}")
    parts = urlsplit(url)
    query = [*parse_qsl(parts.query, keep_blank_values=True), ("timestamp", stamp), ("sign", sign)]
    return urlunsplit(parts._replace(query=urlencode(query)))


def _signed_body(secret: str | None, now: datetime) -> dict[str, str]:
    if not secret:
        return {}
    stamp = str(int(now.timestamp()))
    return {"timestamp": stamp, "sign": _hmac(f"{stamp}\n{secret}", "")}


def _hmac(key: str, text: str) -> str:
    return base64.b64encode(hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()).decode()


__all__ = ["Call", "RobotKind", "call", "refusal"]
