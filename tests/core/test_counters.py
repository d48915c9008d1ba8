"""Counters: declared by use, read back by tests, rendered for Prometheus."""

from core.counters import Counters


def test_counters_count_and_render() -> None:
    counters = Counters()
    counters.count("turns", decision="answer")
    counters.count("turns", 2, decision="answer")
    counters.count("plain")
    counters.observe("turn_seconds", 0.2)
    counters.show("waiting", 3, team="support")
    assert counters.value("turns", decision="answer") == 3
    assert counters.value("waiting", team="support") == 3
    assert counters.value("never") == 0
    text = counters.render().decode()
    assert 'frontline_turns_total{decision="answer"} 3.0' in text
    assert "frontline_turn_seconds_bucket" in text
