"""The website channel: what a browser tells is kept short and known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.web.connector import browser_name, clean_profile, origin_allowed
from connectors.web.wire import PROFILE_KEYS


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36",
            "Chrome 156",
        ),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/156.0 Safari/537.36 Edg/156.0", "Edge 156"),
        ("Mozilla/5.0 (iPhone) AppleWebKit/605.1.15 Version/19.1 Mobile/15E148 Safari/604.1", "Safari 19"),
        ("Mozilla/5.0 (Android 15; Mobile; rv:150.0) Gecko/150.0 Firefox/150.0", "Firefox 150"),
        ("自己的浏览器", "自己的浏览器"),
    ],
)
def test_a_browser_is_known_by_its_name(agent: str, name: str) -> None:
    assert browser_name(agent) == name


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=300), max_size=8))
def test_only_known_keys_with_something_in_them_are_kept(profile: dict[str, str]) -> None:
    kept = clean_profile(profile)
    assert set(kept) <= PROFILE_KEYS
    assert all(value.strip() for value in kept.values())


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "https://shop.example.evil",
        "https://shop.example/path",
        "ftp://shop.example",
        "https://SHOP.example",
    ],
)
def test_only_the_exact_site_may_carry_the_widget(origin: str) -> None:
    assert not origin_allowed(origin, frozenset({"https://shop.example"}), "http://own")
    assert origin_allowed("https://shop.example", frozenset({"https://shop.example"}), "http://own")
