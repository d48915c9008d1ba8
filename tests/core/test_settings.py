"""Settings come from the environment, once, and a bad one is named."""

from dataclasses import fields
from pathlib import Path

import pytest

from core.settings import BadSettings, Settings, read_settings


def test_a_bad_number_names_its_variable() -> None:
    with pytest.raises(BadSettings, match="FRONTLINE_PORT"):
        read_settings({"FRONTLINE_PORT": "many"})


def test_a_bad_time_zone_is_refused() -> None:
    with pytest.raises(BadSettings, match="FRONTLINE_TIMEZONE"):
        read_settings({"FRONTLINE_TIMEZONE": "Asia/Nowhere"})


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("顶级机密\n", encoding="utf-8")
    assert read_settings({"FRONTLINE_ADMIN_PASSWORD_FILE": str(secret)}).admin_password == "顶级机密"


def test_the_clock_moves_only_in_demo_mode() -> None:
    with pytest.raises(BadSettings, match="demo"):
        read_settings({"FRONTLINE_CLOCK_OFFSET_S": "3600"})
    assert read_settings({"FRONTLINE_CLOCK_OFFSET_S": "3600", "FRONTLINE_DEMO": "1"}).clock_offset_s == 3600


def test_postgresql_addresses_get_their_driver() -> None:
    settings = read_settings({"FRONTLINE_DATABASE_URL": "postgresql://frontline@db/frontline"})
    assert settings.database == "postgresql+asyncpg://frontline@db/frontline"
    assert not settings.sqlite


def test_the_documented_list_is_the_code() -> None:
    """`docs/settings.md` names every setting, and none that is not there."""
    text = (Path(__file__).parents[2] / "docs" / "settings.md").read_text(encoding="utf-8")
    listed = {line.split("`")[1] for line in text.splitlines() if line.startswith("| `FRONTLINE_")}
    assert listed == {f"FRONTLINE_{each.name.upper()}" for each in fields(Settings)}
