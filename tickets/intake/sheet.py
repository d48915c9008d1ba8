"""A sheet of matters, read without touching anything: which column means what, which rows can be taken in, and why
the others cannot. Sheets of other systems and of Excel on Chinese Windows are read as they come (UTF-8, UTF-16, GBK).
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from core.errors import Invalid, TooLarge
from core.normaliser import normalise
from tickets.intake.keys import hash_of
from tickets.intake.told import BY_HAND, MAX_SOURCE_TEXT, MAX_URL, Person, Told, phone_of

MAX_BYTES = 8 * 1024 * 1024
MAX_ROWS = 20_000
_MAX_CELL = 20_000

# What a column may be called; compared after normalisation and without spaces.
_HEADERS: Mapping[str, tuple[str, ...]] = {
    "title": ("标题", "主题", "问题标题", "工单标题", "title", "subject"),
    "text": ("描述", "内容", "问题描述", "详细描述", "反馈内容", "问题", "description", "content", "text"),
    "external_id": ("外部编号", "编号", "原编号", "原工单号", "工单号", "externalid", "id", "ticketid"),
    "name": ("客户", "客户姓名", "客户名称", "姓名", "昵称", "用户", "用户名", "反馈人", "customer", "name"),
    "phone": ("手机", "手机号", "手机号码", "电话", "联系电话", "phone", "mobile"),
    "email": ("邮箱", "电子邮箱", "邮件", "email", "mail"),
    "source": ("来源", "来源渠道", "渠道", "反馈渠道", "source", "channel"),
    "source_url": ("来源链接", "原文链接", "原帖链接", "链接", "url", "link", "sourceurl"),
    "source_text": ("原文", "原话", "聊天记录", "sourcetext", "original"),
    "category": ("分类", "问题分类", "类型", "问题类型", "category", "type"),
    "priority": ("优先级", "紧急程度", "priority"),
    "team": ("小组", "处理小组", "受理小组", "处理组", "部门", "team", "group"),
    "received_at": ("提交时间", "反馈时间", "受理时间", "首次反馈时间", "创建时间", "时间", "createdat", "time"),
    "account": ("账号", "用户账号", "用户id", "uid", "account", "userid"),
    "device_model": ("设备", "设备型号", "机型", "devicemodel", "device"),
    "system_version": ("系统", "系统版本", "systemversion", "os"),
    "app_version": ("客户端版本", "app版本", "版本", "appversion", "version"),
    "network_kind": ("网络", "网络类型", "networkkind", "network"),
    "network_provider": ("运营商", "networkprovider", "provider"),
    "city": ("城市", "所在城市", "city"),
    "live_room": ("直播间", "直播间号", "liveroom", "room"),
    "stream_time": ("直播时间点", "直播进度", "streamtime"),
    "host": ("主播", "host"),
    "reporter": ("举报人", "reporter"),
    "quoted": ("弹幕", "引用弹幕", "quoted"),
    "goods_url": ("商品链接", "goodsurl", "goodslink"),
    "order_number": ("订单号", "订单编号", "ordernumber", "orderid"),
    "merchant": ("商家", "商户", "店铺", "merchant"),
}
_FIELD_OF = {name: known for known, names in _HEADERS.items() for name in names}
_OWN = ("title", "text", "external_id", "name", "phone", "email", "source", "source_url", "source_text")
_PLACED = ("category", "priority", "team", "received_at")
TICKET_FIELDS = tuple(each for each in _HEADERS if each not in (*_OWN, *_PLACED))
FIELDS = tuple(_HEADERS)

_SOURCES: Mapping[str, str] = {
    **{each: each for each in BY_HAND},
    "电话": "phone",
    "热线": "phone",
    "邮件": "mail",
    "邮箱": "mail",
    "qq群": "qq_group",
    "qq": "qq_group",
    "微信群": "wechat_group",
    "微信": "wechat_group",
    "微博": "social",
    "社交媒体": "social",
    "论坛": "forum",
    "社区": "forum",
    "贴吧": "forum",
    "直播间": "live_room",
    "直播": "live_room",
    "当面": "in_person",
    "现场": "in_person",
    "其他": "other",
}
_PRIORITIES: Mapping[str, int] = {
    **{str(number): number for number in range(1, 6)},
    "紧急": 1,
    "特急": 1,
    "urgent": 1,
    "高": 2,
    "high": 2,
    "普通": 3,
    "中": 3,
    "一般": 3,
    "normal": 3,
    "medium": 3,
    "低": 4,
    "low": 4,
    "最低": 5,
}
_TIMES = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M")
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}\.[^@\s]{2,20}")
_URL = re.compile(r"https?://\S+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Fault:
    """Something about a row: an error keeps it out, a warning does not. `text_id` has the words."""

    row: int  # as the sheet's program counts: the header is row 1
    column: str
    text_id: str
    value: str = ""
    is_error: bool = True


@dataclass(frozen=True, slots=True)
class Row:
    """A row that can be taken in."""

    number: int
    key: str
    told: Told
    person: Person
    category_id: str | None
    team_id: str | None
    priority: int


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a sheet says. `columns` are (header, field or None for one that nobody understands)."""

    columns: tuple[tuple[str, str | None], ...]
    rows: tuple[Row, ...]
    faults: tuple[Fault, ...]
    total: int


@dataclass(slots=True)
class _Cells:
    """One row on its way, with what is wrong about it."""

    number: int
    values: Mapping[str, str]
    headers: Mapping[str, str]
    faults: list[Fault] = field(default_factory=list)

    def wrong(self, name: str, fault: str, *, is_error: bool = True) -> None:
        text_id = f"import.fault.{fault}"
        value = self.values.get(name, "")[:60]
        self.faults.append(Fault(self.number, self.headers.get(name, ""), text_id, value, is_error))

    @property
    def is_usable(self) -> bool:
        return not any(each.is_error for each in self.faults)


def decode(data: bytes) -> tuple[str, str]:
    """(text, encoding). Raises TooLarge, or Invalid for what is no text."""
    if len(data) > MAX_BYTES:
        raise TooLarge("sheet", text_id="error.import_large")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        candidates: Sequence[str] = ("utf-16",)
    else:
        candidates = ("utf-8-sig", "gb18030")
    for encoding in candidates:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" in text:
            break
        return text, {"utf-8-sig": "UTF-8", "gb18030": "GBK", "utf-16": "UTF-16"}[encoding]
    raise Invalid("not a sheet", text_id="error.import_encoding")


def read(
    text: str,
    *,
    now: datetime,
    zone: ZoneInfo,
    categories: Mapping[str, str],
    teams: Mapping[str, str],
) -> Sheet:
    """Read a sheet; `categories` and `teams` lead from every name to an id. Raises Invalid when it is none at all."""
    lines = _lines(text)
    header = lines[0]
    columns = _columns(header)
    known = {name: at for at, (_, name) in enumerate(columns) if name is not None}
    if "title" not in known and "text" not in known:
        raise Invalid("no title, no text", text_id="error.import_header")
    headers = {name: header[at] for name, at in known.items()}
    rows: list[Row] = []
    faults: list[Fault] = []
    for number, line in enumerate(lines[1:], start=2):
        values = {name: line[at].strip() if at < len(line) else "" for name, at in known.items()}
        cells = _Cells(number, values, headers)
        row = _row(cells, now=now, zone=zone, categories=categories, teams=teams)
        faults += cells.faults
        if row is not None:
            rows.append(row)
    return Sheet(tuple(columns), tuple(rows), tuple(faults), len(lines) - 1)


def _lines(text: str) -> list[list[str]]:
    first = text.partition("\n")[0]
    delimiter = max(",\t;，", key=first.count)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        lines = [line for line in reader if any(cell.strip() for cell in line)]
    except csv.Error as exc:
        raise Invalid("not a sheet", text_id="error.import_csv") from exc
    if len(lines) < 2:
        raise Invalid("empty sheet", text_id="error.import_empty")
    if len(lines) - 1 > MAX_ROWS:
        raise TooLarge("rows", text_id="error.import_rows", most=MAX_ROWS)
    return lines


def _columns(header: Sequence[str]) -> list[tuple[str, str | None]]:
    found: list[tuple[str, str | None]] = []
    taken: set[str] = set()
    for each in header:
        name = _FIELD_OF.get(re.sub(r"[\s_*（）()：:]", "", normalise(each)))
        # The first of two columns that mean the same counts.
        found.append((each.strip(), None if name in taken else name))
        if name is not None:
            taken.add(name)
    return found


def _row(
    cells: _Cells, *, now: datetime, zone: ZoneInfo, categories: Mapping[str, str], teams: Mapping[str, str]
) -> Row | None:
    values = cells.values
    title, text = values.get("title", ""), values.get("text", "")
    if not title and not text:
        cells.wrong("title", "no_words")
    if any(len(each) > _MAX_CELL for each in values.values()) or len(text) > MAX_SOURCE_TEXT:
        cells.wrong("text", "too_long")
    phone = phone_of(values.get("phone"))
    if values.get("phone") and not (phone and re.fullmatch(r"\+?\d{5,20}", phone)):
        cells.wrong("phone", "phone")
    email = values.get("email", "").lower() or None
    if email and not _EMAIL.fullmatch(email):
        cells.wrong("email", "email")
    url = values.get("source_url") or None
    if url and (len(url) > MAX_URL or not _URL.fullmatch(url)):
        cells.wrong("source_url", "url", is_error=False)
        url = None
    received = _time(cells, now, zone)
    about = _about(cells, categories, teams)
    if not cells.is_usable:
        return None
    external = values.get("external_id", "")
    return Row(
        number=cells.number,
        key=f"id:{external}"[:128] if external else f"row:{hash_of(dict(values))}",
        told=Told(
            text=text or title,
            title=title,
            source=_source(cells),
            source_url=url,
            source_text=values.get("source_text") or None,
            fields={name: values[name][:500] for name in TICKET_FIELDS if values.get(name)},
            received_at=received,
        ),
        person=Person(name=values.get("name", "")[:64] or None, phone=phone, email=email),
        category_id=about[0],
        team_id=about[1],
        priority=about[2],
    )


def _about(
    cells: _Cells, categories: Mapping[str, str], teams: Mapping[str, str]
) -> tuple[str | None, str | None, int]:
    """(category, team, priority); what nobody knows is told and left to the words of the row."""
    found: list[str | None] = []
    for name, known in (("category", categories), ("team", teams)):
        said = cells.values.get(name, "")
        found.append(known.get(said))
        if said and found[-1] is None:
            cells.wrong(name, name, is_error=False)
    said = normalise(cells.values.get("priority", ""))
    if said and said not in _PRIORITIES:
        cells.wrong("priority", "priority", is_error=False)
    return found[0], found[1], _PRIORITIES.get(said, 3)


def _source(cells: _Cells) -> str:
    said = re.sub(r"\s", "", normalise(cells.values.get("source", "")))
    if said and said not in _SOURCES:
        cells.wrong("source", "source", is_error=False)
    return _SOURCES.get(said, "import" if not said else "other")


def _time(cells: _Cells, now: datetime, zone: ZoneInfo) -> datetime | None:
    said = cells.values.get("received_at", "")
    if not said:
        return None
    plain = re.sub(r"\s+", " ", re.sub(r"[年月/.]", "-", said).replace("日", " ")).strip()
    found: datetime | None = None
    for form in _TIMES:
        try:
            found = datetime.strptime(plain, form).replace(tzinfo=zone)
            break
        except ValueError:
            continue
    if found is None:
        try:
            found = datetime.fromisoformat(said)
        except ValueError:
            cells.wrong("received_at", "time")
            return None
        found = found if found.tzinfo else found.replace(tzinfo=zone)
    if found > now:
        cells.wrong("received_at", "time_to_come")
        return None
    return found
