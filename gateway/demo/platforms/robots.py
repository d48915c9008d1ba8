"""The groups of the demo's robots: they take what the platforms take, and refuse what those refuse."""

from __future__ import annotations

import base64
import hmac
import json

from aiohttp import web

from core.robots.wire import RobotKind
from gateway.demo.sla import ROBOT_KEY
from gateway.http.kit import MAX_BODY_BYTES, PLATFORM, Route, read_limited, reply
from gateway.services import services


async def hear(request: web.Request) -> web.StreamResponse:
    """A message for a group; the signature is checked as the platform does."""
    kind = RobotKind(request.match_info["kind"])
    try:
        body = json.loads(await read_limited(request, MAX_BODY_BYTES))
    except ValueError:
        body = {}
    if request.query.get("key") != ROBOT_KEY or not isinstance(body, dict):
        return reply({"errcode": 93000, "errmsg": "invalid webhook url"})
    secret = services(request).secrets.key(f"demo:robot:{kind}").hex()
    match kind:
        case RobotKind.WECOM:
            return reply({"errcode": 0, "errmsg": "ok"})
        case RobotKind.DINGTALK:
            stamp, sign = request.query.get("timestamp", ""), request.query.get("sign", "")
            good = _sign(secret, f"{stamp}\n{secret}")
            known = hmac.compare_digest(sign.encode(), good.encode())
            return reply({"errcode": 0, "errmsg": "ok"} if known else {"errcode": 310000, "errmsg": "sign not match"})
        case RobotKind.FEISHU:
            stamp, sign = str(body.get("timestamp", "")), str(body.get("sign", ""))
            known = hmac.compare_digest(sign.encode(), _sign(f"{stamp}\n{secret}", "").encode())
            return reply({"code": 0, "msg": "success"} if known else {"code": 19021, "msg": "sign match fail"})


def _sign(key: str, text: str) -> str:
    return base64.b64encode(hmac.digest(key.encode(), text.encode(), "sha256")).decode()


ROUTES = (Route("POST", "/demo/platform/robots/{kind:wecom|dingtalk|feishu}", hear, PLATFORM),)
