"""Encrypted pushes: known envelopes, hostile ones, and another implementation at the other end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wechatpy.crypto import WeChatCrypto
from wechatpy.exceptions import InvalidAppIdException, InvalidSignatureException

from connectors.wechat.codec import read_xml
from connectors.wechat.crypto import BadKey, Envelope, check_message_signature, message_signature, read_key
from core.errors import NotFromThisChannel

_KNOWN: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "fixtures" / "wechat" / "envelopes.json").read_text(encoding="utf-8")
)
_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
_APP, _TOKEN = "wxb11529c136998cb6", "token-of-ours"
_QUERY = {"timestamp": "1732190400", "nonce": "42"}


def _open(known: dict[str, Any]) -> bytes:
    if known.get("msg_signature"):
        query = {"timestamp": known["timestamp"], "nonce": known["nonce"], "msg_signature": known["msg_signature"]}
        check_message_signature(known["token"], query, known["encrypt"])
    return Envelope(known["encoding_aes_key"], known["receive_id"]).open(known["encrypt"])


@pytest.mark.parametrize("known", [each for each in _KNOWN if each["expect"] == "ok"], ids=lambda each: each["id"])
def test_known_envelopes_open_and_close_alike(known: dict[str, Any]) -> None:
    assert _open(known).decode() == known["plaintext"]
    envelope = Envelope(known["encoding_aes_key"], known["receive_id"])
    assert envelope.close(known["plaintext"].encode(), random=known["random16"].encode()) == known["encrypt"]


@pytest.mark.parametrize("known", [each for each in _KNOWN if each["expect"] != "ok"], ids=lambda each: each["id"])
def test_what_is_not_for_this_account_is_refused(known: dict[str, Any]) -> None:
    with pytest.raises(NotFromThisChannel):
        _open(known)


@pytest.mark.parametrize("key", ["", "short", "a" * 44, "a" * 42 + "!", "密" * 43])
def test_a_key_that_is_none_is_refused(key: str) -> None:
    with pytest.raises(BadKey):
        read_key(key)


@given(text=st.text(max_size=600))
def test_another_implementation_reads_what_we_close(text: str) -> None:
    theirs = WeChatCrypto(_TOKEN, _KEY, _APP)
    encrypted = Envelope(_KEY, _APP).close(text.encode())
    signature = message_signature(_TOKEN, _QUERY["timestamp"], _QUERY["nonce"], encrypted)
    body = f"<xml><Encrypt><![CDATA[{encrypted}]]></Encrypt></xml>"
    assert theirs.decrypt_message(body, signature, _QUERY["timestamp"], _QUERY["nonce"]) == text


@given(text=st.text(min_size=1, max_size=600))
def test_we_read_what_another_implementation_closes(text: str) -> None:
    body = WeChatCrypto(_TOKEN, _KEY, _APP).encrypt_message(text, _QUERY["nonce"], _QUERY["timestamp"])
    fields = read_xml(body.encode())
    check_message_signature(
        _TOKEN,
        {"timestamp": fields["TimeStamp"], "nonce": fields["Nonce"], "msg_signature": fields["MsgSignature"]},
        fields["Encrypt"],
    )
    assert Envelope(_KEY, _APP).open(fields["Encrypt"]).decode() == text


@settings(max_examples=300)
@given(garbage=st.one_of(st.binary(max_size=300).map(lambda raw: raw.hex()), st.text(max_size=300)))
def test_garbage_is_refused_and_nothing_else(garbage: str) -> None:
    with pytest.raises(NotFromThisChannel):
        Envelope(_KEY, _APP).open(garbage)


def test_both_refuse_a_changed_body_and_another_account() -> None:
    encrypted = Envelope(_KEY, _APP).close("退款到账了吗".encode())
    signature = message_signature(_TOKEN, _QUERY["timestamp"], _QUERY["nonce"], encrypted)
    body = f"<xml><Encrypt><![CDATA[{encrypted}]]></Encrypt></xml>"
    with pytest.raises(InvalidAppIdException):
        WeChatCrypto(_TOKEN, _KEY, "wx-other").decrypt_message(body, signature, *_QUERY.values())
    with pytest.raises(NotFromThisChannel):
        Envelope(_KEY, "wx-other").open(encrypted)
    with pytest.raises(InvalidSignatureException):
        WeChatCrypto("other", _KEY, _APP).decrypt_message(body, signature, *_QUERY.values())
    with pytest.raises(NotFromThisChannel):
        check_message_signature("other", {**_QUERY, "msg_signature": signature}, encrypted)
