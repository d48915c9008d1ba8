"""What an editor publishes is what the very next customer hears, over the public contract."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.gateway.conftest import Gateway, Staff

pytestmark = pytest.mark.asyncio(loop_scope="module")

QUESTION = "忘记密码了怎么办"


async def _draft(editor: Staff, sentence: str) -> tuple[dict[str, Any], str]:
    """Add a sentence to the article that answers the question; returns the article and the words it begins with."""
    shown = await editor.call("GET", "knowledge/articles")
    article_id = next(each["id"] for each in shown.body["items"] if "忘记密码" in each["title"])
    article = (await editor.call("GET", f"knowledge/articles/{article_id}")).body
    draft = article["draft"]
    body = {
        "base_revision": draft["revision"],
        **{name: draft[name] for name in ("title", "question", "variants")},
        **{name: article[name] for name in ("area", "category_id", "public")},
        "answer": f"{sentence}\n\n{draft['answer']}",
    }
    saved = await editor.call("PUT", f"knowledge/articles/{article_id}", body)
    assert saved.status == 200, saved.body
    return article, sentence


async def _answer(gateway: Gateway) -> str:
    customer = await gateway.customer()
    await customer.says(QUESTION)
    return str((await customer.hears())[0]["text"])


async def test_the_very_next_question_is_answered_with_what_was_published(gateway: Gateway) -> None:
    """No wait stands between the publish and the question; a roll-back is as quick."""
    editor = await gateway.staff("editor1")
    before = await _answer(gateway)
    _, sentence = await _draft(editor, "先点登录页右下角的蓝色小钥匙。")
    assert await _answer(gateway) == before
    made = await editor.call("POST", "knowledge/releases", {"note": "小钥匙"})
    assert made.status == 201, made.body
    assert re.sub(r"\s", "", await _answer(gateway)).startswith(sentence)
    releases = (await editor.call("GET", "knowledge/releases")).body["items"]
    former = releases[1]
    assert (await editor.call("POST", f"knowledge/releases/{former['id']}/rollback")).status == 201
    assert await _answer(gateway) == before


async def test_a_publish_makes_anew_only_what_changed(gateway: Gateway) -> None:
    """The texts of the other articles keep their numbers, and what was made of all phrasings is taken over."""
    editor = await gateway.staff("editor1")
    await _draft(editor, "再看看短信有没有被拦截。")
    base = gateway.services.knowledge
    assert base.live is not None
    before = base.live.index
    assert (await editor.call("POST", "knowledge/releases", {"note": "短信"})).status == 201
    live = base.live
    assert live is not None
    assert live.index is not before
    assert live.index.classes is before.classes
    known = {row.text: row.question_id for row in before.corpus.rows}
    changed = [row for row in live.index.corpus.rows if known.get(row.text) != row.question_id]
    assert {live.index.corpus.articles[row.article].question for row in changed} == {"忘记密码了怎么办"}
