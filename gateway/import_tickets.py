"""Import of matters from a sheet by the command line: what another system or somebody's table holds becomes tickets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bot.types import Speaker
from core.errors import Invalid
from core.ids import StaffId
from gateway.seed import seed_defaults
from gateway.services import Services

_BY = Speaker(StaffId("cli"), "命令行")
_SHOWN = 20


async def import_file(parts: Services, path: Path, *, dry_run: bool) -> str:
    """Take a sheet in, or with `dry_run` only say what would happen. Raises Invalid when it cannot be read."""
    try:
        data = path.read_bytes()
    except OSError as exc:
        raise Invalid(f"{path}: {exc.strerror}") from exc
    # Categories and the channel of pages are there once a gateway has run; a command may come before that.
    await seed_defaults(parts)
    if dry_run:
        _, encoding, found, known = await parts.imports.look(data)
        return _told(parts, parts.imports.view_of(found, known, encoding))
    made, seen = await parts.imports.add(path.name, data, _BY)
    async with parts.db.begin() as tx:
        await parts.imports.start(tx, made.id)
        await parts.audit.write(tx, "cli", "import.start", made.id)
    done = await parts.imports.finish(made.id)
    return "\n".join((_told(parts, seen), f"done: {done.made} made, {done.known} known, {done.refused} refused"))


def _told(parts: Services, seen: dict[str, Any]) -> str:
    lines = [f"{seen['total']} rows, {seen['encoding']}"]
    lines += [f"  {each['header']} -> {each['field'] or '-'}" for each in seen["columns"]]
    for each in seen["faults"][:_SHOWN]:
        mark = "x" if each["is_error"] else "!"
        lines.append(f"  {mark} row {each['row']} {each['column']}: {parts.texts.get(each['text_id'])}")
    if seen["faults_total"] > _SHOWN:
        lines.append(f"  … {seen['faults_total'] - _SHOWN} more")
    lines.append(f"{seen['ready']} to take in, {seen['known']} known already, {seen['refused']} refused")
    return "\n".join(lines)
