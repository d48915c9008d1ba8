"""What the demo adds: invented staff in every team and role, the shop's site, channels of the local platforms.

All of it only in demo mode. Addresses of the local machine are brought up to date at every start, since the port
may be another one.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import yaml
from sqlalchemy import insert, select, update

from bot.store import channels
from bot.store.channels import Channel
from connectors.web.connector import DEFAULT_KEY
from core.db import Tx
from core.ids import new_id
from core.people.roles import Role
from core.people.store import DEFAULT_TEAM
from core.people.tables import staff
from gateway.demo.sla import refresh_robots
from gateway.services import Services
from knowledge_base.demo_content import FOLDER, import_demo, read_articles

PASSWORD = "demo-frontline"  # noqa: S105 - printed on the demo's start page, works in demo mode only
WECHAT_KEY = "demo-wechat"
WEIBO_KEY = "demo-weibo"
_PRIVACY_PAGE = "/help/privacy-permissions"


@dataclass(frozen=True, slots=True)
class Person:
    """One invented member of staff."""

    name: str
    display_name: str
    roles: tuple[Role, ...]
    teams: tuple[str, ...]


_FRONT = (DEFAULT_TEAM, "technical", "payment")

# In the order in which the one-click log-ins hand them out.
PEOPLE = (
    Person("agent1", "林小岛", (Role.AGENT,), _FRONT),
    Person("agent2", "周晨光", (Role.AGENT,), _FRONT),
    Person("expert1", "秦望舒", (Role.EXPERT,), ("experts",)),
    Person("expert2", "顾远帆", (Role.EXPERT,), ("experts",)),
    Person("supervisor1", "沈明澈", (Role.SUPERVISOR,), ("experts", DEFAULT_TEAM)),
    Person("editor1", "方知行", (Role.EDITOR,), ("product",)),
    Person("reviewer1", "叶听澜", (Role.REVIEWER,), ("product",)),
    Person("admin", "管理员小屿", (Role.ADMIN,), ()),
    Person("technical1", "苏牧野", (Role.AGENT,), ("technical",)),
    Person("technical2", "何问渠", (Role.AGENT,), ("technical",)),
    Person("payment1", "陆青禾", (Role.AGENT,), ("payment",)),
    Person("payment2", "唐未晞", (Role.AGENT,), ("payment",)),
    Person("community1", "许星野", (Role.AGENT,), ("community",)),
    Person("community2", "宋晚舟", (Role.AGENT,), ("community",)),
    Person("content1", "江疏影", (Role.AGENT,), ("content-review",)),
    Person("content2", "程见山", (Role.AGENT,), ("content-review",)),
    Person("merchant1", "温如故", (Role.AGENT,), ("merchant",)),
    Person("merchant2", "孟海棠", (Role.AGENT,), ("merchant",)),
    Person("partners1", "谢南乔", (Role.AGENT,), ("partners",)),
    Person("partners2", "韩清越", (Role.GUEST,), ("partners",)),
    Person("classifier1", "白一舟", (Role.CLASSIFIER,), ("sorting",)),
    Person("classifier2", "罗青梧", (Role.CLASSIFIER,), ("sorting",)),
    Person("inspector1", "柳安澜", (Role.INSPECTOR,), (DEFAULT_TEAM,)),
    Person("manager1", "段长庚", (Role.MANAGER,), (DEFAULT_TEAM,)),
    Person("executive1", "萧致远", (Role.EXECUTIVE,), ()),
)


async def seed_demo(services: Services) -> None:
    """Add what the demo lacks."""
    await _staff(services)
    hot = await asyncio.to_thread(_hot_questions)
    async with services.db.begin() as tx:
        await import_demo(tx, services.clock.now())
        await _shop(services, tx, hot["web"])
        await _platforms(services, tx, hot)
        await refresh_robots(services, tx)


async def _staff(services: Services) -> None:
    async with services.db.read() as tx:
        known = {row.name for row in await tx.all(select(staff.c.name))}
        theirs = await tx.all(select(staff.c.disabled_at).where(staff.c.demo.is_(True)))
    if theirs and all(row.disabled_at is not None for row in theirs):
        # `demo clear` closed them all, and now somebody wants the demo again.
        async with services.db.begin() as tx:
            await tx.execute(update(staff).where(staff.c.demo.is_(True)).values(disabled_at=None))
    missing = [person for person in PEOPLE if person.name not in known]
    if not missing:
        return
    # One hash for all of them: the password is public, and two dozen hashes would hold up the start.
    hashed = await services.auth.hash(PASSWORD)
    now = services.clock.now()
    async with services.db.begin() as tx:
        for person in missing:
            staff_id = new_id("stf")
            await tx.execute(
                insert(staff).values(
                    id=staff_id,
                    name=person.name,
                    display_name=person.display_name,
                    password_hash=hashed,
                    roles=[role.value for role in person.roles],
                    must_change_password=False,
                    demo=True,
                    created_at=now,
                )
            )
            await services.people.set_teams(tx, staff_id, person.teams)


async def _shop(services: Services, tx: Tx, hot: list[dict[str, str]]) -> None:
    """Let the demo shop, which is another origin, carry the widget of the website channel."""
    known = next(each for each in await channels.all_of(tx, "web") if each.key == DEFAULT_KEY)
    port = services.settings.shop_port
    sites = dict.fromkeys((*known.sites, f"http://127.0.0.1:{port}", f"http://localhost:{port}"))
    profile = {**_profile(services, "web", hot), **{key: value for key, value in known.profile.items() if value}}
    if services.texts.get("seed.web.greeting") == profile["greeting"]:
        profile["greeting"] = services.texts.get("seed.demo.web.greeting")
    if str(profile["privacy_url"]).endswith(_PRIVACY_PAGE):
        profile["privacy_url"] = f"{services.settings.base_url}{_PRIVACY_PAGE}"
    config = {**known.config}
    config.setdefault("identity_key", services.secrets.key("demo:identity").hex())
    name = services.texts.get("seed.demo.web.name") if known.name == services.texts.get("seed.web.name") else None
    wanted: dict[str, Any] = {"sites": tuple(sites), "profile": profile, "config": config, "name": name}
    await _bring_to(tx, known, wanted)


async def _platforms(services: Services, tx: Tx, hot: dict[str, list[dict[str, str]]]) -> None:
    """The channels whose platforms are played by this gateway itself, see `/demo/wechat` and `/demo/weibo`."""
    here = f"http://127.0.0.1:{services.settings.port}/demo/platform"

    def secret(name: str) -> str:
        return services.secrets.key(f"demo:{name}").hex()[:32]

    wanted = (
        (
            WECHAT_KEY,
            "wechat",
            {
                "token": secret("wechat:token"),
                "app_id": f"wx{secret('wechat:app_id')[:16]}",
                "secret": secret("wechat:secret"),
                "api_base": f"{here}/wechat",
            },
        ),
        (
            WEIBO_KEY,
            "weibo",
            {
                "app_key": str(int(secret("weibo:app_key")[:8], 16)),
                "app_secret": secret("weibo:app_secret"),
                "access_token": secret("weibo:access_token"),
                "api_base": f"{here}/weibo",
            },
        ),
    )
    known = {each.key: each for each in await channels.all_of(tx)}
    for key, kind, config in wanted:
        if key in known:
            if known[key].disabled_at is not None:
                await channels.set_disabled(tx, known[key].id, None)
            changed = {**known[key].config, "api_base": config["api_base"]}
            await _bring_to(tx, known[key], {"config": changed})
        else:
            await channels.create(
                tx,
                key=key,
                kind=kind,
                name=services.texts.get(f"seed.demo.{kind}.name"),
                now=services.clock.now(),
                config=config,
                profile=_profile(services, kind, hot[kind]),
                demo=True,
            )


def _profile(services: Services, kind: str, hot: list[dict[str, str]]) -> dict[str, Any]:
    return {
        "greeting": services.texts.get(f"seed.demo.{kind}.greeting"),
        "hot": hot,
        "privacy_url": f"{services.settings.base_url}{_PRIVACY_PAGE}",
    }


async def _bring_to(tx: Tx, channel: Channel, wanted: dict[str, Any]) -> None:
    changes = {name: value for name, value in wanted.items() if value is not None and value != getattr(channel, name)}
    if changes:
        await channels.change(tx, channel.id, **changes)


def _hot_questions() -> dict[str, list[dict[str, str]]]:
    """猜你想问 by kind of channel: the article's own question on the button."""
    questions = {each.key: each.content.question for each in read_articles()}
    chosen: dict[str, list[str]] = yaml.safe_load((FOLDER / "hot.yaml").read_text(encoding="utf-8"))
    return {
        kind: [{"id": key, "label": questions[key], "article_id": key} for key in keys] for kind, keys in chosen.items()
    }
