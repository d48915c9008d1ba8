"""The encrypted envelope of pushes (compatible and secure mode), of Official Accounts, Mini-Programs and WeCom alike.

Source: the platforms' documentation of message encryption. The key is the base64 of EncodingAESKey plus "=", the
cipher AES-256-CBC with the key's first 16 bytes as IV, padded by PKCS#7 with blocks of 32; inside are 16 random
bytes, the length of the message in 4 bytes (big-endian), the message, and the id of the account it is for.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import struct
from collections.abc import Mapping

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from core.errors import NotFromThisChannel

_KEY_CHARACTERS = 43
_KEY_BYTES = 32
_RANDOM = 16
_LENGTH = 4
_BLOCK = 32
_AES_BLOCK = 16


class BadKey(ValueError):
    """The EncodingAESKey is not one."""


def message_signature(token: str, timestamp: str, nonce: str, encrypted: str) -> str:
    """The signature of an encrypted message: it covers the body too."""
    joined = "".join(sorted((token, timestamp, nonce, encrypted)))
    return hashlib.sha1(joined.encode(), usedforsecurity=False).hexdigest()


def check_message_signature(token: str, query: Mapping[str, str], encrypted: str) -> None:
    """Raise NotFromThisChannel unless the body was signed with our token (constant time)."""
    wanted = message_signature(token, query.get("timestamp", ""), query.get("nonce", ""), encrypted)
    if not token or not hmac.compare_digest(wanted.encode(), query.get("msg_signature", "").encode()):
        raise NotFromThisChannel("msg_signature")


class Envelope:
    """Opens and closes the envelopes of one account. `receive_id` is the app id, in WeCom the corporation's id."""

    def __init__(self, encoding_aes_key: str, receive_id: str) -> None:
        self._key = read_key(encoding_aes_key)
        self._receive_id = receive_id.encode()

    def open(self, encrypted: str) -> bytes:
        """The message inside. Raises NotFromThisChannel for whatever this account was not sent."""
        try:
            cipher_text = base64.b64decode(encrypted, validate=True)
        except (binascii.Error, ValueError) as exc:
            raise NotFromThisChannel("base64") from exc
        if not cipher_text or len(cipher_text) % _AES_BLOCK:
            raise NotFromThisChannel("length")
        decryptor = self._cipher().decryptor()
        padded = decryptor.update(cipher_text) + decryptor.finalize()
        pad = padded[-1]
        if not 1 <= pad <= min(_BLOCK, len(padded)) or padded[-pad:] != bytes([pad]) * pad:
            raise NotFromThisChannel("padding")
        plain = padded[:-pad]
        if len(plain) < _RANDOM + _LENGTH:
            raise NotFromThisChannel("too short")
        (length,) = struct.unpack_from(">I", plain, _RANDOM)
        begin = _RANDOM + _LENGTH
        if length > len(plain) - begin:
            raise NotFromThisChannel("msg_len")
        # A message for another account, signed with the same token, is not ours.
        if not hmac.compare_digest(plain[begin + length :], self._receive_id):
            raise NotFromThisChannel("receive_id")
        return plain[begin : begin + length]

    def close(self, message: bytes, *, random: bytes | None = None) -> str:
        """The envelope around a message; `random` (16 bytes) is given by tests only."""
        head = random if random is not None else secrets.token_bytes(_RANDOM)
        plain = head + struct.pack(">I", len(message)) + message + self._receive_id
        pad = _BLOCK - len(plain) % _BLOCK
        encryptor = self._cipher().encryptor()
        return base64.b64encode(encryptor.update(plain + bytes([pad]) * pad) + encryptor.finalize()).decode()

    def _cipher(self) -> Cipher[modes.CBC]:
        return Cipher(algorithms.AES(self._key), modes.CBC(self._key[:_AES_BLOCK]))


def read_key(encoding_aes_key: str) -> bytes:
    """The 32 bytes of an EncodingAESKey. Raises BadKey.

    43 characters carry two bits more than the key has; they are ignored, as the platform does.
    """
    if len(encoding_aes_key) != _KEY_CHARACTERS or not encoding_aes_key.isascii() or not encoding_aes_key.isalnum():
        raise BadKey("EncodingAESKey has 43 letters and digits")
    key = base64.b64decode(encoding_aes_key + "=")
    assert len(key) == _KEY_BYTES
    return key


__all__ = ["BadKey", "Envelope", "check_message_signature", "message_signature", "read_key"]
