"""The wire of pushes: signature and XML (plain mode).

Source: WeChat's documentation of the message push (signature is the SHA-1 of the sorted token, timestamp and nonce).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from xml.etree.ElementTree import Element

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from connectors.seam import MAX_PUSH_BYTES
from core.errors import NotFromThisChannel

# The deepest documented push (location and picture events) nests four levels.
_MAX_DEPTH = 8


def signature(token: str, timestamp: str, nonce: str) -> str:
    """The platform's signature of a request."""
    joined = "".join(sorted((token, timestamp, nonce)))
    return hashlib.sha1(joined.encode(), usedforsecurity=False).hexdigest()


def check_signature(token: str, query: Mapping[str, str]) -> None:
    """Raise NotFromThisChannel unless the request was signed with our token (constant time)."""
    wanted = signature(token, query.get("timestamp", ""), query.get("nonce", ""))
    if not token or not hmac.compare_digest(wanted.encode(), query.get("signature", "").encode()):
        raise NotFromThisChannel("signature")


def read_xml(raw: bytes) -> dict[str, str]:
    """The fields of a push by name; nested ones by path with a slash. Raises NotFromThisChannel for any other shape.

    Entities, external references and deep nesting are refused before they cost anything.
    """
    if len(raw) > MAX_PUSH_BYTES:
        raise NotFromThisChannel("too long")
    if raw.count(b"<") > 2_000:
        raise NotFromThisChannel("too many tags")
    try:
        root = ElementTree.fromstring(raw, forbid_dtd=True)
    except (ElementTree.ParseError, DefusedXmlException, ValueError, LookupError) as exc:
        raise NotFromThisChannel("XML") from exc
    if root.tag != "xml":
        raise NotFromThisChannel("root")
    fields: dict[str, str] = {}
    _collect(root, "", fields, 0)
    return fields


def _collect(element: Element, prefix: str, fields: dict[str, str], depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise NotFromThisChannel("too deep")
    for child in element:
        name = prefix + child.tag
        if len(child):
            _collect(child, f"{name}/", fields, depth + 1)
        else:
            fields.setdefault(name, child.text or "")
