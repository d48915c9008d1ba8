"""From decisions to words: replies with their buttons, in the customer's language."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from bot import taps
from bot.assistant import Said
from bot.ports import Texts
from bot.types import ArticleCard, ArticleView, Choice, Found, Kind, Reply, TicketRef

# Four buttons fill a phone's screen; more are not read.
# Where a number is wanted that a page can measure by itself; elsewhere the card is its text.
_ASKS_SPEED = frozenset({"form.ask.speed", "form.reask.speed"})
_SPEED_TEST = {"type": "speed_test"}
_MOST_TICKETS = 5


class Replies:
    """Words for one customer. Cheap: made for each turn."""

    def __init__(self, texts: Texts, language: str) -> None:
        self._texts = texts
        self._language = language

    def text(self, text_id: str, choices: Sequence[str] = (), /, **params: object) -> Reply:
        """A text with standing buttons under it."""
        said = self._texts.get(text_id, self._language, **params)
        return Reply(said, choices=tuple(self.button(each) for each in choices))

    def words(self, text_id: str, /, **params: object) -> str:
        """Only the words."""
        return self._texts.get(text_id, self._language, **params)

    def button(self, choice_id: str) -> Choice:
        """One of our own buttons."""
        label_id = {
            taps.HUMAN: "choice.human",
            taps.NONE: "bot.choice.none",
            taps.LEAVE_LINE: "bot.choice.leave_line",
            taps.NEW_MATTER: "bot.choice.new_matter",
        }.get(choice_id, f"choice.{choice_id}")
        return Choice(choice_id, self._texts.get(label_id, self._language))

    def answer(self, article: ArticleView, *, offer: bool) -> Reply:
        """An article as an answer: its text, its card, thumbs; with `offer` a person is one tap away."""
        return Reply(
            article.text,
            html=article.html,
            articles=(ArticleCard(article.article_id, article.title, article.url),),
            choices=(self.button(taps.HUMAN),) if offer else (),
            answer=True,
        )

    def ask(self, found: Iterable[Found]) -> Reply:
        """Up to three candidates, 都不是, 转人工."""
        offered = [Choice(f"{taps.ARTICLE}{each.article_id}", each.title) for each in found]
        offered += [self.button(taps.NONE), self.button(taps.HUMAN)]
        return replace(self.text("bot.ask"), choices=tuple(offered))

    def said(self, said: Said) -> Reply | None:
        """What the assistant wants said, with its own buttons."""
        if said.text_id is None:
            return None
        label = self._texts.get
        choices = tuple(Choice(each, label(label_id, self._language)) for each, label_id in said.choices)
        if said.text_id in _ASKS_SPEED:
            return Reply(self.words(said.text_id, **said.params), Kind.CARD, choices=choices, card=_SPEED_TEST)
        return Reply(self.words(said.text_id, **said.params), choices=choices)

    def speed_test(self) -> Reply:
        """The offer of a short measurement, for who says that the picture stutters."""
        return Reply(self.words("bot.speed_offer"), Kind.CARD, card=_SPEED_TEST)

    def tickets(self, current: Sequence[TicketRef]) -> Reply:
        """The states of the customer's tickets, in words."""
        shown = [ref for ref in current if ref.state not in ("merged", "self_solved") and ref.tier > 1]
        if not shown:
            return self.text("bot.tickets_none")
        lines = [
            self.words(
                "bot.ticket_line",
                serial=ref.serial,
                title=ref.title,
                state=self.words(f"bot.ticket_state.{ref.state}"),
            )
            for ref in shown[:_MOST_TICKETS]
        ]
        return self.text("bot.tickets", (), lines="\n".join(lines))

    def place(self, position: int | None, eta_s: int | None) -> Reply:
        """The place in line, for those who cannot see it."""
        if position is None:
            said = self.words("bot.place_unknown")
        elif position == 0:
            said = self.words("bot.place_next")
        else:
            minutes = max(1, round((eta_s or 60 * position) / 60))
            said = self.words("bot.place", ahead=position, minutes=minutes)
        return Reply(f"{said}\n{self.words('bot.place_hint')}")

    def same_as_before(self, ref: TicketRef) -> Reply:
        """「还是上次的问题吗?」"""
        again = Choice(f"{taps.REOPEN}{ref.ticket_id}", self.words("bot.choice.reopen", title=ref.title))
        asked = self.text("bot.same_as_before", (), serial=ref.serial, title=ref.title)
        return replace(asked, choices=(again, self.button(taps.NEW_MATTER)))


def with_choice(replies: Sequence[Reply], choice: Choice) -> tuple[Reply, ...]:
    """The same replies with one more button under the last one, unless it is there already."""
    if not replies or any(each.id == choice.id for each in replies[-1].choices):
        return tuple(replies)
    return (*replies[:-1], replace(replies[-1], choices=(*replies[-1].choices, choice)))


def payload(reply: Reply) -> dict[str, Any]:
    """What the stored message carries beside its text."""
    found: dict[str, Any] = {}
    if reply.html:
        found["html"] = reply.html
    if reply.choices:
        found["choices"] = [{"id": each.id, "label": each.label} for each in reply.choices]
    if reply.articles:
        found["articles"] = [
            {"article_id": each.article_id, "title": each.title, "url": each.url} for each in reply.articles
        ]
    if reply.card:
        found["card"] = dict(reply.card)
    if reply.answer:
        found["answer"] = True
    return found
