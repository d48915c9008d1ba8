"""The whole table of states and moves, written out by hand."""

from __future__ import annotations

from itertools import product

import pytest

from core.errors import IllegalMove
from tickets.states import Move, Party, State, after, may

N, P, W, T, R, C, S, M = State
CUSTOMER, STAFF, BOT, SYSTEM = Party

# Per move: from which states, to which, and who may.
TABLE: list[tuple[Move, set[State], State, set[Party]]] = [
    (Move.CONFIRM, {N}, P, {STAFF}),
    (Move.WAIT_CUSTOMER, {P, W}, W, {STAFF}),
    (Move.CUSTOMER_ADDS, {W}, P, {CUSTOMER}),
    (Move.ESCALATE, {N, P, W, T}, N, {STAFF}),
    (Move.HAND_OVER, {N, P, W, T}, N, {STAFF}),
    (Move.RESOLVE, {P, W, T}, T, {STAFF, SYSTEM}),
    (Move.DELIVER, {T}, R, {SYSTEM}),
    (Move.CUSTOMER_CONFIRMS, {N, P, W, T, R}, C, {CUSTOMER, STAFF}),
    (Move.SILENCE, {R}, C, {SYSTEM}),
    (Move.REOPEN, {R, C}, N, {CUSTOMER, STAFF}),
    (Move.WANT_PERSON, {N, S, R, C}, N, {CUSTOMER, STAFF, BOT, SYSTEM}),
    (Move.MERGE, {N, P, W, T, R}, M, {STAFF, SYSTEM}),
]


def test_every_move_stands_in_the_table() -> None:
    assert {move for move, *_ in TABLE} | {Move.SELF_SOLVE} == set(Move)


@pytest.mark.parametrize(("move", "sources", "target", "parties"), TABLE)
def test_a_ticket_moves_as_the_table_says_and_not_otherwise(
    move: Move, sources: set[State], target: State, parties: set[Party]
) -> None:
    for state, party in product(State, Party):
        if state in sources and party in parties:
            assert after(state, move, party) is target
        else:
            assert not may(state, move, party)
            with pytest.raises(IllegalMove):
                after(state, move, party)


def test_only_the_bots_matters_end_by_themselves() -> None:
    for state, party in product(State, Party):
        assert may(state, Move.SELF_SOLVE, party, tier=1) == (state is N and party in {CUSTOMER, SYSTEM})
        assert not may(state, Move.SELF_SOLVE, party, tier=2)


def test_the_bots_matters_know_no_persons_states() -> None:
    theirs = {Move.SELF_SOLVE, Move.WANT_PERSON, Move.MERGE}
    for move, state, party in product(set(Move) - theirs, State, Party):
        assert not may(state, move, party, tier=1)
