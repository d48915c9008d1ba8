"""Masks for what identifies a person: what is shown is enough to compare, never enough to use."""

from __future__ import annotations

import re

# Boundaries are digits, not word boundaries: Chinese characters stand right beside numbers.
_ID_CARD = re.compile(
    r"(?<![0-9A-Za-z])[1-9]\d{5}(?:18|19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?![0-9A-Za-z])"
)
_PHONE = re.compile(r"(?<!\d)(?:\+?86[- ]?)?1[3-9]\d[- ]?\d{4}[- ]?\d{4}(?!\d)")
_EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}")
_BANK_CARD = re.compile(r"(?<!\d)\d{4}(?:[- ]?\d{4}){2}[- ]?\d{4}(?:[- ]?\d{1,3})?(?!\d)")


def find_contact(text: str) -> tuple[str | None, str | None]:
    """(phone, e-mail) that a text names, each the first of its kind."""
    phone, email = _PHONE.search(text), _EMAIL.search(text)
    return phone.group(0) if phone else None, email.group(0) if email else None


def mask_phone(phone: str | None) -> str | None:
    """138****5678. Numbers too short to mask show nothing but their last two digits."""
    if not phone:
        return None
    digits = re.sub(r"\D", "", phone)
    if len(digits) > 11 and digits.startswith("86"):
        digits = digits[2:]
    if len(digits) < 7:
        return "****" + digits[-2:]
    return (
        f"{digits[:3]}{'*' * (len(digits) - 7)}{digits[-4:]}" if len(digits) > 7 else f"{digits[:1]}****{digits[-2:]}"
    )


def mask_email(email: str | None) -> str | None:
    """a***@example.com."""
    if not email:
        return None
    name, at, host = email.rpartition("@")
    return f"{name[:1]}***@{host}" if at else f"{email[:1]}***"


def mask_id_card(number: str) -> str:
    """The first three and the last two characters of an identity card's number."""
    return number[:3] + "*" * max(0, len(number) - 5) + number[-2:]


def mask_bank_card(number: str) -> str:
    """The last four digits of a card's number."""
    digits = re.sub(r"\D", "", number)
    return "*" * max(0, len(digits) - 4) + digits[-4:]


def mask_external(external_id: str) -> str:
    """An account's name on a channel: its first and last two characters."""
    return f"{external_id[:2]}***{external_id[-2:]}" if len(external_id) > 6 else f"{external_id[:1]}***"


def mask_text(text: str) -> str:
    """Free text with every phone, e-mail, identity card and bank card in it masked."""
    text = _EMAIL.sub(lambda found: str(mask_email(found.group())), text)
    text = _ID_CARD.sub(lambda found: mask_id_card(found.group()), text)
    text = _BANK_CARD.sub(lambda found: mask_bank_card(found.group()) if _luhn(found.group()) else found.group(), text)
    return _PHONE.sub(lambda found: str(mask_phone(found.group())), text)


def _luhn(number: str) -> bool:
    """Whether the check digit fits: order numbers are as long as card numbers and must stay readable."""
    digits = [int(char) for char in reversed(number) if char.isdigit()]
    doubled = [digit if i % 2 == 0 else digit * 2 - 9 * (digit > 4) for i, digit in enumerate(digits)]
    return sum(doubled) % 10 == 0
