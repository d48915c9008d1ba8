"""What `/health/ready` asks each part."""

from __future__ import annotations

import shutil

from redis.exceptions import RedisError
from sqlalchemy import literal, select

from core.audit import next_number
from core.errors import EncoderUnavailable
from gateway.health import Part
from gateway.services import Services


def add_checks(parts: Services) -> None:
    """Register the parts. Only the database's absence makes the gateway refuse messages."""

    async def database() -> Part:
        async with parts.db.read() as tx:
            await tx.scalar(select(literal(1)))
        if not parts.db.can_write:
            # What can still be read is not enough, a full disk for one; so it is tried.
            async with parts.db.begin() as tx:
                await next_number(tx, "health")
        return Part("ok")

    async def redis() -> Part:
        try:
            await parts.redis.ping()
        except (RedisError, OSError) as exc:
            return Part("down", f"{type(exc).__name__}: who needs a person gets a ticket meanwhile")
        return Part("ok")

    async def encoder() -> Part:
        try:
            info = await parts.encoder.info()
        except EncoderUnavailable as exc:
            return Part("starting", f"{exc.detail}; search is lexical meanwhile")
        return Part("ok", f"{info.backend} {info.model_id}")

    async def assistant() -> Part:
        if not parts.assistant.slots:
            return Part("down", "no assistant is configured: the knowledge base answers alone")
        models = [await parts.assistant.probe(slot) for slot in range(parts.assistant.slots)]
        away = sum(model is None for model in models)
        if away:
            return Part("starting", f"{away} of {len(models)} not ready: the knowledge base answers alone meanwhile")
        return Part("ok", str(models[0]))

    async def knowledge() -> Part:
        state, reason = parts.knowledge.status()
        return Part(state, reason)

    async def disk() -> Part:
        free_mb = shutil.disk_usage(parts.settings.data).free // (1024 * 1024)
        if free_mb < parts.settings.data_quota_mb:
            return Part("degraded", f"{free_mb} MB free: uploads are refused")
        return Part("ok")

    parts.health.add("database", database, refuses=True)
    parts.health.add("redis", redis)
    parts.health.add("encoder", encoder)
    parts.health.add("assistant", assistant)
    parts.health.add("knowledge", knowledge)
    parts.health.add("disk", disk)
