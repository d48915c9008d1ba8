"""The demo knowledge base keeps the shape that search, figures and the start page rely on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from core.normaliser import normalise

DEMO = Path(__file__).parents[2] / "knowledge_base" / "demo"
NOT_ARTICLES = {"titles.yaml", "golden.yaml", "opposites.yaml", "hot.yaml", "unanswered.yaml"}

TREE = {
    "技术": {"播放与网络", "直播与回放", "客户端", "服务端", "账号与登录", "账号受限"},
    "会员与支付": {"支付失败", "订阅与续费", "权益", "退款与扣费争议", "发票"},
    "内容": {
        "内容咨询与推荐",
        "违规举报",
        "主播行为",
        "社区氛围",
        "虚假宣传与过度营销",
        "版权",
    },
    "商业": {"商品质量与描述不符", "物流", "退换货", "商家服务"},
    "合作与媒体": {"版权合作", "商务", "媒体"},
    "建议与咨询": {"功能建议", "规则咨询", "使用指导"},
}
AREAS = {
    "播放与网络",
    "直播",
    "客户端",
    "账号",
    "支付",
    "订阅与续费",
    "权益",
    "退款与扣费",
    "发票",
    "内容",
    "举报",
    "商品与物流",
    "退换货",
    "隐私",
    "青少年模式",
    "设备",
}


def _read(name: str) -> Any:
    return yaml.safe_load((DEMO / name).read_text(encoding="utf-8"))


def _articles() -> list[dict[str, Any]]:
    names = sorted(path.name for path in DEMO.glob("*.yaml") if path.name not in NOT_ARTICLES)
    return [article for name in names for article in _read(name)]


ARTICLES = _articles()
KEYS = {article["key"] for article in ARTICLES}


def _phrasings() -> dict[str, str]:
    """Every normalised phrasing with the key of its article; the title counts, since search knows it too."""
    return {
        normalise(text): article["key"]
        for article in ARTICLES
        for text in (article["question"], article["title"], *article["variants"])
    }


def _path_exists(category: str) -> bool:
    first, _, second = category.partition("/")
    return second in TREE.get(first, set())


def test_there_are_enough_articles_and_variants() -> None:
    assert len(ARTICLES) >= 66
    assert sum(len(article["variants"]) for article in ARTICLES) >= 480


def test_every_key_is_used_once() -> None:
    assert len(KEYS) == len(ARTICLES)


def test_every_area_has_articles() -> None:
    assert {article["area"] for article in ARTICLES} >= AREAS


def test_the_category_tree_is_covered() -> None:
    """Each branch of the tree has at least one article, so that no ticket category is without help."""
    covered = {article["category"] for article in ARTICLES}
    assert covered == {f"{first}/{second}" for first, seconds in TREE.items() for second in seconds}


def test_the_table_of_contents_is_the_contents() -> None:
    """Questions of others were written from the titles alone; a title that moved would make them wrong."""
    listed = {entry["key"]: entry for entry in _read("titles.yaml")}
    assert listed == {
        article["key"]: {field: article[field] for field in ("key", "category", "area", "title")}
        for article in ARTICLES
    }


@pytest.mark.parametrize("article", ARTICLES, ids=lambda article: str(article["key"]))
def test_an_article_is_well_formed(article: dict[str, Any]) -> None:
    assert set(article) == {"key", "category", "area", "title", "question", "variants", "answer", "public"}
    assert _path_exists(article["category"])
    assert 6 <= len(article["variants"]) <= 30
    assert all(isinstance(variant, str) and normalise(variant) for variant in article["variants"])
    assert 0 < len(article["answer"]) <= 1200
    short_answer = article["answer"].splitlines()[0]
    assert not short_answer.startswith(("#", "-", "1"))
    assert len(short_answer) <= 120


def test_no_phrasing_belongs_to_two_articles_or_stands_twice_in_one() -> None:
    owners: dict[str, str] = {}
    for article in ARTICLES:
        texts = {normalise(article["question"]), *map(normalise, article["variants"])}
        assert len(texts) == 1 + len(article["variants"]), article["key"]
        for text in texts:
            assert owners.setdefault(text, article["key"]) == article["key"], text
    for article in ARTICLES:
        title = normalise(article["title"])
        assert owners.get(title, article["key"]) == article["key"], title


def test_golden_questions_are_new_and_name_articles() -> None:
    golden = _read("golden.yaml")
    known = _phrasings()
    assert len(golden) == 60
    assert {entry["article"] for entry in golden} <= KEYS
    assert not [entry["question"] for entry in golden if normalise(entry["question"]) in known]


def test_opposites_and_hot_questions_name_articles() -> None:
    for pair in _read("opposites.yaml"):
        assert pair["left"]
        assert pair["right"]
        assert not {normalise(word) for word in pair["left"]} & {normalise(word) for word in pair["right"]}
        assert set(pair.get("articles", {}).values()) <= KEYS, pair["name"]
    hot = _read("hot.yaml")
    assert set(hot) == {"web", "wechat", "weibo"}
    for keys in hot.values():
        assert len(set(keys)) == 4
        assert set(keys) <= KEYS


def test_unanswered_questions_are_in_no_article() -> None:
    known = _phrasings()
    unanswered = _read("unanswered.yaml")
    assert len({entry["key"] for entry in unanswered}) == 12
    for entry in unanswered:
        assert _path_exists(entry["category"])
        assert 8 <= len({normalise(text) for text in entry["phrasings"]}) <= 15
        assert not [text for text in entry["phrasings"] if normalise(text) in known]
