"""The tokenizer of multilingual-e5-small, an XLM-R Unigram model, made from the packed vocabulary."""

from __future__ import annotations

import re
import unicodedata

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from knowledge_base.encoder.weights import Vocabulary

# A code point nobody types, from a private area. It stands in for the few that NFKC would change and the model's
# own normalisation keeps.
_FIRST_STAND_IN = 0xF0000
# Code points that came into Unicode after the model was made are left to NFKC: the model has no piece for them.
_KEPT = "～"


def make_tokenizer(vocabulary: Vocabulary, max_length: int) -> Tokenizer:
    """A fast tokenizer that gives what the model was trained on, cut at `max_length` with its two special tokens."""
    tokenizer = Tokenizer(models.Unigram(vocabulary.pieces, unk_id=vocabulary.unknown, byte_fallback=False))
    tokenizer.normalizer = _normaliser(vocabulary.normalised)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
    name = [piece for piece, _ in vocabulary.pieces]
    begin, end = name[vocabulary.begin], name[vocabulary.end]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{begin} $A {end}",
        pair=f"{begin} $A {end} {end} $B {end}",
        special_tokens=[(begin, vocabulary.begin), (end, vocabulary.end)],
    )
    special = [begin, name[vocabulary.pad], end, name[vocabulary.unknown]]
    tokenizer.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in special])
    tokenizer.enable_truncation(max_length)
    tokenizer.enable_padding(pad_id=vocabulary.pad, pad_token=name[vocabulary.pad])
    return tokenizer


def _normaliser(normalised: dict[str, str]) -> normalizers.Normalizer:
    """NFKC, after what differs from it: control characters vanish, and every kind of space is a space."""
    by_result: dict[str, list[str]] = {}
    for character, result in normalised.items():
        if unicodedata.normalize("NFKC", character) != result:
            by_result.setdefault(result, []).append(character)
    steps: list[normalizers.Normalizer] = [
        normalizers.Replace(Regex("[" + "".join(_escaped(c) for c in sorted(characters)) + "]"), result)
        for result, characters in sorted(by_result.items())
    ]
    kept = [c for c in _KEPT if c not in normalised]
    stand_ins = [(c, chr(_FIRST_STAND_IN + i)) for i, c in enumerate(kept)]
    steps += [normalizers.Replace(c, stand_in) for c, stand_in in stand_ins]
    steps.append(normalizers.NFKC())
    steps += [normalizers.Replace(stand_in, c) for c, stand_in in stand_ins]
    steps.append(normalizers.Replace(Regex(" {2,}"), " "))
    return normalizers.Sequence(steps)


def _escaped(character: str) -> str:
    return f"\\x{{{ord(character):04X}}}" if not character.isprintable() else re.escape(character)
