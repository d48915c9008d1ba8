"""Markdown as editors write it → what browsers and platforms may show.

Every text that becomes HTML passes through here once, on the server: raw HTML in the source is shown as text, and
what the renderer makes is sanitised again, so that a mistake in one of the two is not a hole.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token

TAGS = frozenset(
    {
        *("p", "br", "strong", "em", "del", "ol", "ul", "li", "a", "code", "pre", "img", "h2", "h3", "h4"),
        *("blockquote", "hr", "table", "thead", "tbody", "tr", "th", "td"),
    }
)
_ATTRIBUTES = {"a": {"href", "title"}, "img": {"src", "alt", "title"}, "ol": {"start"}}
_SCHEMES = {"https", "http", "mailto", "tel"}

_RENDERER = MarkdownIt("commonmark", {"html": False, "linkify": False, "breaks": True}).enable(
    ["table", "strikethrough"]
)

# Blocks that begin the long part of an answer: what stands before them is the short answer.
_LONG = frozenset({"heading_open", "ordered_list_open", "bullet_list_open", "table_open", "hr", "fence"})
_SHORT_CHARACTERS = 140
_BLANK_LINES = re.compile(r"\n{3,}")


@dataclass(frozen=True, slots=True)
class Split:
    """A text in two: `short` says it in a sentence or two, `rest` has the steps (may be empty). Both Markdown."""

    short: str
    rest: str


@lru_cache(maxsize=1024)
def to_html(markdown: str) -> str:
    """Safe HTML. Only the tags above, links with known schemes, pictures from our own address or over https."""
    html: str = _RENDERER.render(markdown)
    html = html.replace("<h1>", "<h2>").replace("</h1>", "</h2>")
    return nh3.clean(
        html,
        tags=set(TAGS),
        attributes={tag: set(names) for tag, names in _ATTRIBUTES.items()},
        url_schemes=_SCHEMES,
        link_rel="noopener noreferrer nofollow",
        clean_content_tags={"script", "style"},
    ).strip()


@lru_cache(maxsize=1024)
def to_text(markdown: str) -> str:
    """Plain text for platforms and screen readers: numbers and dashes stay, marks go, links show their address."""
    lines = _Plain().blocks(_RENDERER.parse(markdown))
    return _BLANK_LINES.sub("\n\n", "\n".join(lines)).strip()


def split(markdown: str) -> Split:
    """The short answer and the steps. A text without steps is all short."""
    lines = markdown.strip().splitlines()
    for token in _RENDERER.parse(markdown.strip()):
        if token.level == 0 and token.map and token.map[0] > 0 and token.type in _LONG:
            at = token.map[0]
            return Split("\n".join(lines[:at]).strip(), "\n".join(lines[at:]).strip())
    return Split(markdown.strip(), "")


def summary(markdown: str) -> str:
    """The short answer as plain text, cut at a sentence where it is long."""
    text = " ".join(to_text(split(markdown).short).split())
    if len(text) <= _SHORT_CHARACTERS:
        return text
    cut = max(text.rfind(mark, 0, _SHORT_CHARACTERS) for mark in "。!?；;")
    return text[: cut + 1] if cut > 0 else text[: _SHORT_CHARACTERS - 1] + "…"


class _Plain:
    """Walks the renderer's tokens and writes lines."""

    def __init__(self) -> None:
        self._lists: list[int | None] = []  # the next number of each open list; None for bullets
        self._lines: list[str] = []
        self._prefix = ""
        self._row: list[str] | None = None  # the cells of the open table row

    def blocks(self, tokens: Sequence[Token]) -> list[str]:
        for token in tokens:
            self._block(token)
        return self._lines

    def _block(self, token: Token) -> None:
        match token.type:
            case "ordered_list_open":
                self._lists.append(int(token.attrGet("start") or 1))
            case "bullet_list_open":
                self._lists.append(None)
            case "ordered_list_close" | "bullet_list_close":
                self._lists.pop()
                if not self._lists:
                    self._lines.append("")
                    self._prefix = ""
            case "list_item_open":
                self._prefix = "  " * (len(self._lists) - 1) + self._mark()
            case "tr_open":
                self._row = []
            case "tr_close" if self._row is not None:
                cells, self._row = self._row, None
                self._write(" | ".join(cells))
            case "inline":
                if self._row is not None:
                    self._row.append(_inline(token))
                else:
                    self._write(_inline(token))
            case "code_block" | "fence":
                self._write(token.content.rstrip("\n"))
            case "paragraph_close" | "heading_close" | "table_close" if not self._lists:
                self._lines.append("")
            case _:
                pass

    def _mark(self) -> str:
        number = self._lists[-1]
        if number is None:
            return "- "
        self._lists[-1] = number + 1
        return f"{number}. "

    def _write(self, text: str) -> None:
        first, *rest = text.split("\n")
        self._lines.append(self._prefix + first)
        indent = " " * len(self._prefix)
        self._lines.extend(indent + line for line in rest)
        self._prefix = indent


def _inline(token: Token) -> str:
    parts: list[str] = []
    href = ""
    for child in token.children or ():
        match child.type:
            case "softbreak" | "hardbreak":
                parts.append("\n")
            case "link_open":
                href = str(child.attrGet("href") or "")
            case "link_close":
                if href.startswith(("http://", "https://")) and href not in parts:
                    parts.append(f"({href})")
                href = ""
            case "image":
                parts.append(f"[{child.content}]" if child.content else "")
            case _:
                parts.append(child.content)
    return "".join(parts)
