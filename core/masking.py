"""Masks for what identifies a person: what is shown is enough to compare, never enough to use.

Free text is read in a form of the same length (full-width signs made plain, spelt-out digits made digits), so that a
mask stands exactly where the number stood. What only looks like a number of a person stays readable: a card must fit
its check digit and a known issuer, an identity number its region, date and check digit (or stand beside its name),
and whatever is called an order, a parcel or a serial number is one.
"""

from __future__ import annotations

import re
from collections.abc import Callable

# Boundaries are digits, not word boundaries: Chinese characters stand right beside numbers.
_START, _END = r"(?<![0-9A-Za-z])", r"(?![0-9A-Za-z])"
_GAP = r"[-\s.·_—]?"
_REGION = r"(?:1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[12])"
_DATE = r"(?:18|19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
_ID_CARD = re.compile(rf"{_START}{_REGION}\d{{4}}{_GAP}{_DATE}{_GAP}\d{{3}}[\dXx]{_END}")
# Glued to other digits, where only the check character can tell.
_LONG_NUMBER = re.compile(r"\d{17,}[\dXx]\d*")
_INSIDE = re.compile(rf"(?=({_REGION}\d{{4}}{_DATE}\d{{3}}[\dXx]))")
_OLD_ID_CARD = re.compile(rf"{_START}{_REGION}\d{{4}}\d{{2}}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{{3}}{_END}")
_PHONE = re.compile(
    rf"(?<!\d)(?:(?:\+|00)?86{_GAP}{_GAP})?(?:1{_GAP}[3-9](?:{_GAP}\d){{9}}|1[3-9]\d[-\s]\d{{4}}[-\s]\d{{5}})(?!\d)"
)
# Area codes are three digits for the largest cities and four elsewhere; 400 and 800 are companies' own lines.
_LANDLINE = re.compile(
    r"(?<![\d.])(?:(?:\+|00)?86[-\s]?)?(?:\((?:010|02\d|0[3-9]\d{2})\)|(?:010|02\d|0[3-9]\d{2}))[-\s—]?"
    r"[2-8]\d{2}[-\s]?\d{4,5}(?:[-转]\d{1,5})?(?!\d)|(?<![\d.])0\d{2,3}[-—]\d{7,8}(?!\d)"
)
_EMAIL = re.compile(r"[A-Za-z0-9._%+-]+\s?@\s?[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}")
_BANK_CARD = re.compile(
    rf"{_START}(?:\d{{4}}(?:[-\s]?\d{{4}}){{2}}[-\s]?\d{{4}}(?:[-\s]?\d{{1,3}})?|\d{{15,19}}){_END}"
)
# UnionPay, Visa, Mastercard, JCB, American Express, and the older cards of Chinese banks.
_ISSUERS = re.compile(r"62|81|4|5[1-5]|2[2-7]|35|3[47]|60|9[0-9]")
# The last words before a number, when they say that it is no number of a person …
_THINGS_NUMBER = re.compile(
    r"(?:订单|单号|运单|快递|物流|流水|编号|工单|交易|售后|服务单|商品|货号|型号|SKU|sku|版本|券码|兑换码|激活码|序列)"
    r"[号码编]{0,2}\s?(?:是|为|[:：#])?\s?$"
)
# … or which one.
_IDS_NAME = re.compile(r"(?:身份证|证件|身份号)[号码]{0,2}\s?(?:是|为|[:：])?\s?$")
_LOOK_BACK = 14

# A place down to the door: what stands before the street may stay, the rest is masked.
_STREET = r"(?:大道|街道|[路街巷弄村镇乡苑]|胡同|小区|花园|家园|公寓|新城|庭院)"
_DOOR = r"(?:号院|号楼|[号弄栋幢座组室]|单元|楼|层)"
_ADDRESS = re.compile(
    rf"((?:[\u4e00-\u9fff]{{2,7}}?(?:省|自治区))?(?:[\u4e00-\u9fff]{{2,5}}?[市州])?(?:[\u4e00-\u9fff]{{2,5}}?[区县旗])?)"
    rf"([\u4e00-\u9fff]{{2,8}}?{_STREET}[\u4e00-\u9fff]{{0,6}}?\s?[0-9A-Za-z一二三四五六七八九十百]{{1,5}}\s?{_DOOR}"
    rf"(?:[\u4e00-\u9fff]{{0,6}}?\s?[0-9A-Za-z一二三四五六七八九十]{{1,5}}\s?{_DOOR}?)*)"
)

_PLAIN = {ord("０") + digit: str(digit) for digit in range(10)}
_PLAIN |= {ord("Ａ") + letter: chr(ord("A") + letter) for letter in range(26)}
_PLAIN |= {ord("ａ") + letter: chr(ord("a") + letter) for letter in range(26)}
_PLAIN |= {ord(wide): plain for wide, plain in zip("＠．－＋＿（）　：", "@.-+_() :", strict=True)}
_PLAIN |= {0x1D7CE + digit: str(digit) for digit in range(10)}  # 𝟎 … 𝟗
_PLAIN |= {0x2460 + digit: str(digit + 1) for digit in range(9)}  # ① … ⑨
# Digits as they are said and as they are written on cheques; 幺, 两, 洞, 拐 and 勾 are what people say on the phone.
_SPELT_AS = ("零〇洞", "一幺壹", "二两贰", "三叁", "四肆", "五伍", "六陆", "七柒拐", "八捌", "九玖勾")
_SPELT = {sign: str(digit) for digit, signs in enumerate(_SPELT_AS) for sign in signs}
_NUMERALS = "".join(_SPELT)
_SPELT_RUN = re.compile(rf"(?:[0-9{_NUMERALS}][-\s]?){{11,}}")
_MAY_HOLD = re.compile(rf"[0-9０-９@＠𝟎-𝟗①-⑨]|(?:[{_NUMERALS}][-\s]?){{7}}|[路街道巷弄村区苑]")


def find_contact(text: str) -> tuple[str | None, str | None]:
    """(phone, e-mail) that a text names, each the first of its kind, in plain signs."""
    plain = _plain(text)
    phone, email = _PHONE.search(plain), _EMAIL.search(plain)
    return phone.group(0) if phone else None, email.group(0) if email else None


def mask_phone(phone: str | None) -> str | None:
    """138****5678. Numbers too short to mask show nothing but their last two digits."""
    if not phone:
        return None
    digits = re.sub(r"\D", "", phone)
    if len(digits) > 11 and digits.startswith("0086"):
        digits = digits[4:]
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
    name, at, host = email.replace(" ", "").rpartition("@")
    return f"{name[:1]}***@{host}" if at else f"{email[:1]}***"


def mask_id_card(number: str) -> str:
    """The first three and the last two characters of an identity card's number."""
    number = re.sub(r"[^0-9Xx]", "", number)
    return number[:3] + "*" * max(0, len(number) - 5) + number[-2:]


def mask_bank_card(number: str) -> str:
    """The last four digits of a card's number."""
    digits = re.sub(r"\D", "", number)
    return "*" * max(0, len(digits) - 4) + digits[-4:]


def mask_external(external_id: str) -> str:
    """An account's name on a channel: its first and last two characters."""
    return f"{external_id[:2]}***{external_id[-2:]}" if len(external_id) > 6 else f"{external_id[:1]}***"


def mask_address(address: str | None) -> str | None:
    """The region of an address; the door stays hidden."""
    if not address:
        return None
    found = _ADDRESS.match(_plain(address))
    kept = found.group(1) if found else ""
    return f"{kept or address[:2]}****"


def mask_text(text: str) -> str:
    """Free text with every phone, e-mail, identity card, bank card and address in it masked. Twice changes nothing."""
    if not _MAY_HOLD.search(text):
        return text
    for find, mask in _FINDERS:
        text = _masked(text, find, mask)
    return text


def _masked(text: str, pattern: re.Pattern[str], mask: Callable[[re.Match[str]], str | None]) -> str:
    plain = _plain(text)
    pieces, done = [], 0
    for found in pattern.finditer(plain):
        if (shown := mask(found)) is not None:
            pieces += [text[done : found.start()], shown]
            done = found.end()
    return "".join((*pieces, text[done:])) if pieces else text


def _plain(text: str) -> str:
    """The text with plain digits and signs, character by character, so that places stay places."""
    plain = text.translate(_PLAIN)
    if len(plain) != len(text):
        return text
    return _SPELT_RUN.sub(lambda run: "".join(_SPELT.get(each, each) for each in run.group()), plain)


def _before(found: re.Match[str]) -> str:
    return found.string[max(0, found.start() - _LOOK_BACK) : found.start()]


def _email(found: re.Match[str]) -> str | None:
    return mask_email(found.group())


def _id_card(found: re.Match[str]) -> str | None:
    named = _IDS_NAME.search(_before(found)) is not None
    if not named and (not _fits_id(found.group()) or _THINGS_NUMBER.search(_before(found))):
        return None
    return mask_id_card(found.group())


def _old_id_card(found: re.Match[str]) -> str | None:
    return mask_id_card(found.group()) if _IDS_NAME.search(_before(found)) else None


def _inside(found: re.Match[str]) -> str | None:
    number = found.group()
    return mask_id_card(number) if any(_fits_id(each) for each in _INSIDE.findall(number)) else None


def _bank_card(found: re.Match[str]) -> str | None:
    digits = re.sub(r"\D", "", found.group())
    if not 15 <= len(digits) <= 19 or not _ISSUERS.match(digits) or not _luhn(digits):
        return None
    return None if _THINGS_NUMBER.search(_before(found)) else mask_bank_card(digits)


def _phone(found: re.Match[str]) -> str | None:
    # Also where it is called an order: eleven digits of a mobile's shape are somebody's far more often.
    return mask_phone(found.group())


def _address(found: re.Match[str]) -> str | None:
    return f"{found.group(1)}****"


_FINDERS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str | None]], ...] = (
    (_EMAIL, _email),
    (_ID_CARD, _id_card),
    (_LONG_NUMBER, _inside),
    (_OLD_ID_CARD, _old_id_card),
    (_BANK_CARD, _bank_card),
    (_PHONE, _phone),
    (_LANDLINE, _phone),
    (_ADDRESS, _address),
)


def _luhn(number: str) -> bool:
    """Whether the check digit fits: order numbers are as long as card numbers and must stay readable."""
    digits = [int(char) for char in reversed(number) if char.isdigit()]
    doubled = [digit if i % 2 == 0 else digit * 2 - 9 * (digit > 4) for i, digit in enumerate(digits)]
    return sum(doubled) % 10 == 0


def _fits_id(number: str) -> bool:
    """Whether the check character of an 18-digit identity number fits (GB 11643)."""
    signs = re.sub(r"[^0-9Xx]", "", number).upper()
    weighed = sum(int(sign) * pow(2, 17 - place, 11) for place, sign in enumerate(signs[:17]))
    return "10X98765432"[weighed % 11] == signs[17]
