"""The clocks of a ticket: one pure function of what happened, what is promised, and when the team is at work.

    confirm          待处理 → a person of the receiving team takes it on; anew after each hand-over and reopening
    first_response   a person is wanted → a person's first words; a bot's answer neither starts nor stops it
    next_response    the customer wrote after a person's words → a person's next words
    resolution       a person is wanted → the result is written; stands still while we wait for the customer
    conclusion       the result is written → it reached the customer
    next_step        what somebody said they would do by a time of their own choosing; no calendar bends it

A clock that ended by a merge, a hand-over or a changed policy before its limit is `dropped`: neither kept nor broken.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from core.calendar import Calendar, after_open_seconds, open_seconds


class ClockKind(StrEnum):
    """What is promised. In the order in which a ticket meets them."""

    CONFIRM = "confirm"
    FIRST_RESPONSE = "first_response"
    NEXT_RESPONSE = "next_response"
    RESOLUTION = "resolution"
    CONCLUSION = "conclusion"
    NEXT_STEP = "next_step"


class What(StrEnum):
    """What can happen to a clock."""

    WANTED = "wanted"  # a person is wanted
    TAKEN = "taken"  # a person took it on without being asked, or wrote it down: nobody waits for first words
    REOPENED = "reopened"
    HANDED_ON = "handed_on"  # other people received it and have to confirm
    CONFIRMED = "confirmed"
    ANSWERED = "answered"  # by a person
    WROTE = "wrote"  # the customer did
    WAITING = "waiting"  # for the customer
    RESUMED = "resumed"
    RESULT = "result"  # is written
    RESOLVED = "resolved"  # it reached the customer
    ENDED = "ended"
    MERGED = "merged"
    STEP = "step"  # a next step with its time
    STEP_GONE = "step_gone"  # done, or replaced by nothing


class Outcome(StrEnum):
    """How a clock ended."""

    KEPT = "kept"
    BROKEN = "broken"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that happened. `due` belongs to a next step; `told`: the customer knows of that step."""

    at: datetime
    what: What
    due: datetime | None = None
    told: bool = False


@dataclass(frozen=True, slots=True)
class Goal:
    """What is promised for one kind: a limit, and when to warn; in working time of `calendar`, else of the team's."""

    limit_s: float
    warn_s: float | None = None
    calendar: Calendar | None = None
    policy_id: str | None = None

    @property
    def warn_after_s(self) -> float:
        """Working time after which to warn: three quarters of the limit unless the policy names another."""
        return self.warn_s if self.warn_s is not None else self.limit_s * WARN_SHARE


@dataclass(frozen=True, slots=True)
class ClockState:
    """One clock as it stands now. While paused nobody knows when it ends, so `due` and `warn_at` are None."""

    kind: ClockKind
    round: int
    started: datetime
    due: datetime | None
    warn_at: datetime | None
    breached: datetime | None  # the moment at which the limit passed
    paused: bool
    stopped: datetime | None
    outcome: Outcome | None
    spent_s: float  # working time used up
    limit_s: float
    policy_id: str | None = None
    told: bool = False


WARN_SHARE = 0.75

_PERSONAL = (ClockKind.CONFIRM, ClockKind.FIRST_RESPONSE, ClockKind.NEXT_RESPONSE, ClockKind.RESOLUTION)


@dataclass(slots=True)
class _Run:
    """One round of one clock: the stretches in which it ran."""

    kind: ClockKind
    round: int
    spans: list[tuple[datetime, datetime | None]]
    stopped: datetime | None = None
    dropped: bool = False
    due: datetime | None = None
    told: bool = False


@dataclass(slots=True)
class _Fold:
    """The history, read once from its beginning."""

    runs: list[_Run] = field(default_factory=list)
    running: dict[ClockKind, _Run] = field(default_factory=dict)
    rounds: dict[ClockKind, int] = field(default_factory=dict)
    at_work: bool = False
    answered: bool = False

    def take(self, fact: Fact) -> None:
        at = fact.at
        match fact.what:
            case What.WANTED | What.REOPENED:
                self._begin(at, waits=True)
            case What.TAKEN:
                self._begin(at, waits=False)
            case What.HANDED_ON:
                self._handed_on(at)
            case What.CONFIRMED:
                self._stop(at, ClockKind.CONFIRM)
            case What.ANSWERED:
                self.answered = True
                self._stop(at, ClockKind.FIRST_RESPONSE, ClockKind.NEXT_RESPONSE)
            case What.WROTE:
                if self.at_work and self.answered and ClockKind.FIRST_RESPONSE not in self.running:
                    self._start(at, ClockKind.NEXT_RESPONSE)
            case What.WAITING:
                self._pause(at)
            case What.RESUMED:
                self._resume(at)
            case What.RESULT:
                # The conclusion is a person's words too.
                self._stop(at, *_PERSONAL)
                self._start(at, ClockKind.CONCLUSION)
            case What.RESOLVED | What.ENDED:
                self._stop(at, *ClockKind)
                self.at_work = False
            case What.MERGED:
                self._stop(at, *ClockKind, dropped=True)
                self.at_work = False
            case What.STEP:
                self._stop(at, ClockKind.NEXT_STEP)
                self._start(at, ClockKind.NEXT_STEP, due=fact.due, told=fact.told)
            case What.STEP_GONE:
                self._stop(at, ClockKind.NEXT_STEP)

    def _begin(self, at: datetime, *, waits: bool) -> None:
        if self.at_work:
            return
        self.at_work, self.answered = True, not waits
        self._start(at, ClockKind.CONFIRM)
        if waits:
            self._start(at, ClockKind.FIRST_RESPONSE)
        self._start(at, ClockKind.RESOLUTION)

    def _handed_on(self, at: datetime) -> None:
        if not self.at_work:
            return
        self._resume(at)
        self._stop(at, ClockKind.CONFIRM, ClockKind.CONCLUSION, dropped=True)
        self._start(at, ClockKind.CONFIRM)
        # A result that nobody got was none: the work goes on, on a clock of its own.
        self._start(at, ClockKind.RESOLUTION)

    def _start(self, at: datetime, kind: ClockKind, *, due: datetime | None = None, told: bool = False) -> None:
        if kind in self.running:
            return
        self.rounds[kind] = self.rounds.get(kind, 0) + 1
        run = _Run(kind, self.rounds[kind], [(at, None)], due=due, told=told)
        self.runs.append(run)
        self.running[kind] = run

    def _stop(self, at: datetime, *kinds: ClockKind, dropped: bool = False) -> None:
        for kind in kinds:
            run = self.running.pop(kind, None)
            if run is not None:
                run.stopped, run.dropped = at, dropped
                _close(run, at)

    def _pause(self, at: datetime) -> None:
        for run in self.running.values():
            if run.kind is not ClockKind.NEXT_STEP:
                _close(run, at)

    def _resume(self, at: datetime) -> None:
        for run in self.running.values():
            if run.spans[-1][1] is not None:
                run.spans.append((at, None))


def clocks(
    facts: Iterable[Fact], goals: Mapping[ClockKind, Goal], calendar: Calendar, now: datetime
) -> list[ClockState]:
    """Every clock that was ever started, in the order of their starts; kinds without a goal have none.

    `facts` come in the order in which they happened; what lies after `now` is not looked at. A next step needs no
    goal: its own time is the promise.
    """
    fold = _Fold()
    for fact in facts:
        if fact.at <= now:
            fold.take(fact)
    found: list[ClockState] = []
    for run in fold.runs:
        if run.kind is ClockKind.NEXT_STEP:
            found.append(_step(run, now))
        elif run.kind in goals:
            goal = goals[run.kind]
            found.append(_state(run, goal, goal.calendar or calendar, now))
    return found


def _state(run: _Run, goal: Goal, calendar: Calendar, now: datetime) -> ClockState:
    spent, breached, last = 0.0, None, run.spans[-1]
    before = 0.0  # used up before the last stretch
    for start, end in run.spans:
        until = end or now
        used = open_seconds(calendar, start, until)
        # Exactly on time is on time.
        if breached is None and spent + used > goal.limit_s:
            breached = after_open_seconds(calendar, start, goal.limit_s - spent)
        before, spent = spent, spent + used
    paused = run.stopped is None and last[1] is not None
    due = warn_at = None
    if breached is not None:
        due = breached
    elif not paused:
        due = after_open_seconds(calendar, last[0], goal.limit_s - before)
        # The limit itself has come, although no time has passed beyond it.
        breached = due if run.stopped is None and due is not None and due <= now else None
    if not paused:
        warn_at = _warn_at(run, goal, calendar)
    outcome = None
    if run.stopped is not None:
        outcome = Outcome.BROKEN if breached else Outcome.DROPPED if run.dropped else Outcome.KEPT
    return ClockState(
        kind=run.kind,
        round=run.round,
        started=run.spans[0][0],
        due=due,
        warn_at=warn_at,
        breached=breached,
        paused=paused,
        stopped=run.stopped,
        outcome=outcome,
        spent_s=spent,
        limit_s=goal.limit_s,
        policy_id=goal.policy_id,
        told=run.told,
    )


def _warn_at(run: _Run, goal: Goal, calendar: Calendar) -> datetime | None:
    left = goal.warn_after_s
    for start, end in run.spans[:-1]:
        assert end is not None
        used = open_seconds(calendar, start, end)
        if used >= left:
            return after_open_seconds(calendar, start, left)
        left -= used
    return after_open_seconds(calendar, run.spans[-1][0], left)


def _step(run: _Run, now: datetime) -> ClockState:
    assert run.due is not None
    started = run.spans[0][0]
    end = run.stopped or now
    # The step's own reminder is the ticket's; a warning ahead of it is for what the customer was told.
    warn_at = started + (run.due - started) * WARN_SHARE if run.told and run.due > started else None
    late = end > run.due if run.stopped else end >= run.due
    outcome = None
    if run.stopped is not None:
        outcome = Outcome.BROKEN if late else Outcome.KEPT
    return ClockState(
        kind=run.kind,
        round=run.round,
        started=started,
        due=run.due,
        warn_at=warn_at,
        breached=run.due if late else None,
        paused=False,
        stopped=run.stopped,
        outcome=outcome,
        spent_s=(end - started).total_seconds(),
        limit_s=(run.due - started).total_seconds(),
        told=run.told,
    )


def _close(run: _Run, at: datetime) -> None:
    start, end = run.spans[-1]
    if end is None:
        run.spans[-1] = (start, at)


__all__ = ["WARN_SHARE", "ClockKind", "ClockState", "Fact", "Goal", "Outcome", "What", "clocks"]
