"""`frontline tickets train-classifier`: one training in the foreground, and its report as a table."""

from __future__ import annotations

from typing import Any

from gateway.services import Services
from tickets.sorting.trainer import Outcome

_WHY = {
    "first": "the first version",
    "not_worse": "not worse than the present one",
    "worse": "worse than the present one",
    "too_weak": "too weak to sort anything",
    "encoder_away": "the encoder is away, and the present version reads vectors",
}


async def train(parts: Services, *, activate: bool) -> str:
    """Train and say how good it is. Raises Conflict when there is too little to learn from."""
    outcome = await parts.tickets.sorting.train(made_by="cli", activate=activate)
    return report(outcome)


def report(outcome: Outcome) -> str:
    """The held-out quality in lines."""
    found: dict[str, Any] = outcome.report
    words, exam = found["words_alone"], found["exam"]
    present = "none" if exam["present"] is None else f"{exam['present']:.3f}"
    lines = [
        f"version {outcome.number}: {'active' if outcome.activated else 'not active'} ({_WHY[outcome.reason]})",
        f"examples          {found['examples']} ({found['corrected']} sorted by people, {found['agreed']} resolved as "
        f"sorted, {found['seeded']} from the knowledge base)",
        f"held out          accuracy {found['accuracy']:.3f}, macro-F1 {found['macro_f1']:.3f}",
        f"customers' own    accuracy {found['own']['accuracy']:.3f} of {found['own']['rows']}",
        f"sorts by itself   {found['coverage']:.1%}, of these right {found['right_when_sure']:.1%} "
        f"(from probability {found['threshold']:.2f})",
        f"keywords alone    {words['coverage']:.1%}, of these right {words['right_when_sure']:.1%}",
        f"exam ({exam['rows']} rows)   macro-F1 {exam['candidate']:.3f}, present version {present}",
        "",
        f"{'examples':>8}  {'precision':>9}  {'recall':>6}  {'F1':>5}  category",
    ]
    lines += [
        f"{each['examples']:>8}  {each['precision']:>9.3f}  {each['recall']:>6.3f}  {each['f1']:>5.3f}  {each['name']}"
        for each in found["categories"]
    ]
    return "\n".join(lines)
