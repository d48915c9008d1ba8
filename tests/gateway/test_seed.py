"""What an empty installation starts with, and that starting again changes nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import func, select, update

from bot.store import channels
from core.people.roles import Role
from core.people.tables import staff
from core.schema import migrate
from core.settings import Settings
from gateway.app import build, close
from gateway.seed import seed_defaults
from gateway.seed_demo import PASSWORD, WECHAT_KEY, WEIBO_KEY
from gateway.services import Services


@asynccontextmanager
async def gateway(folder: Path, redis_url: str, **more: Any) -> AsyncIterator[Services]:
    """The parts of one gateway over a migrated database, seeded, with nothing running."""
    settings = Settings(data=folder, redis_url=redis_url, **more)
    await migrate(settings.database)
    services, _ = await build(settings)
    await seed_defaults(services)
    try:
        yield services
    finally:
        await close(services)


async def people_of(services: Services) -> dict[str, Any]:
    async with services.db.read() as tx:
        return {row.name: row for row in await tx.all(select(staff))}


async def test_an_empty_installation_has_teams_a_website_and_nobody(tmp_path: Path, redis_url: str) -> None:
    async with gateway(tmp_path, redis_url) as services:
        async with services.db.read() as tx:
            assert {team.name for team in await services.people.teams(tx)} >= {"专家组", "支付组", "分类审核"}
            (channel,) = await channels.all_of(tx)
        assert (channel.key, channel.sites, channel.demo) == ("web", (), False)
        assert await people_of(services) == {}


async def test_the_administrator_has_the_password_of_the_settings_and_keeps_it(tmp_path: Path, redis_url: str) -> None:
    async with gateway(tmp_path, redis_url, admin_password="erstes-wort-1") as services:
        session = await services.auth.log_in("admin", "erstes-wort-1", None, address="", agent="")
        await seed_defaults(services)
        assert (await services.auth.by_session(session.viewer.session_id)).name == "admin"
    async with gateway(tmp_path, redis_url, admin_password="zweites-wort-2") as services:
        await services.auth.log_in("admin", "zweites-wort-2", None, address="", agent="")
        assert len(await people_of(services)) == 1


async def test_the_demo_has_every_role_two_people_in_every_team_and_local_platforms(
    tmp_path: Path, redis_url: str
) -> None:
    async with gateway(tmp_path, redis_url, demo=True, port=18080) as services:
        people = await people_of(services)
        assert {role for each in people.values() for role in each.roles} == {role.value for role in Role}
        assert all(each.demo for each in people.values())
        await services.auth.log_in("agent1", PASSWORD, None, address="", agent="")
        async with services.db.read() as tx:
            for team in await services.people.teams(tx):
                assert len(await services.people.members(tx, team.id)) >= 2, team.name
            found = {each.key: each for each in await channels.all_of(tx)}
        assert "http://127.0.0.1:18081" in found["web"].sites
        assert found["web"].profile["hot"][0]["article_id"] == "account-forgot-password"
        assert found[WECHAT_KEY].config["api_base"] == "http://127.0.0.1:18080/demo/platform/wechat"
        assert found[WEIBO_KEY].config["app_secret"]


async def test_what_somebody_changed_stays_and_addresses_follow_the_port(tmp_path: Path, redis_url: str) -> None:
    async with gateway(tmp_path, redis_url, demo=True, port=18080) as services, services.db.begin() as tx:
        known = await channels.by_key(tx, "web")
        assert known is not None
        await channels.change(tx, known.id, name="自己的名字")
        await tx.execute(update(staff).where(staff.c.name == "agent1").values(display_name="改过的名字"))
    async with gateway(tmp_path, redis_url, demo=True, port=19090) as services, services.db.read() as tx:
        web, wechat = await channels.by_key(tx, "web"), await channels.by_key(tx, WECHAT_KEY)
        assert web is not None
        assert wechat is not None
        assert web.name == "自己的名字"
        assert "http://127.0.0.1:19091" in web.sites
        assert wechat.config["api_base"].startswith("http://127.0.0.1:19090/")
        name = await tx.scalar(select(staff.c.display_name).where(staff.c.name == "agent1"))
        assert name == "改过的名字"
        assert await tx.scalar(select(func.count()).select_from(staff)) == len(await people_of(services))
