"""The signature of a fault: what makes two reports the same one. Made from what is known, or entered by staff."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from core.errors import Invalid
from core.normaliser import normalise
from tickets.categories import Tree

MAX_ENTERED = 40
_ENTERED = re.compile(r"[\w.:#/-]+")
_WORDS = 3
BRANCH = "technical/"


def made(tree: Tree, category_id: str, text: str, fields: Mapping[str, Any]) -> str | None:
    """Category, device, app version and the words of the symptom; None when too little is known to tell two apart."""
    node = tree.node(category_id)
    if node is None or not category_id.startswith(BRANCH):
        return None
    said = normalise(text)
    words = sorted((word for word in node.keywords if word in said), key=lambda word: (-len(word), word))[:_WORDS]
    device, version = (normalise(str(fields.get(key) or "")) for key in ("device_model", "app_version"))
    if not words or not (device or version):
        return None
    whole = "|".join((category_id, device, version, *sorted(words)))
    return hashlib.sha256(whole.encode()).hexdigest()[:16]


def entered(text: str) -> str:
    """A name that staff give a fault, such as PLAY-1024. Raises Invalid."""
    name = text.strip().upper()
    if not name or len(name) > MAX_ENTERED or not _ENTERED.fullmatch(name):
        raise Invalid("signature", text_id="error.playbook_signature")
    return name


__all__ = ["BRANCH", "entered", "made"]
