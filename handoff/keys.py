"""The keys of the hand-off in Redis. All share the tag `{desk}`: an agent's load crosses the lines of all teams.

| key | type | member → value | written by |
|---|---|---|---|
| `queue:<team>:waiting` | zset | handoff id → place in line (see `score`) | join, take, settle |
| `queue:offered` | zset | handoff id → Unix ms at which the lease ends | take, settle |
| `queue:active` | zset | handoff id → Unix ms of the acceptance | settle |
| `queue:holder` | hash | handoff id → agent id, while offered or active | take, settle |
| `queue:origin` | hash | handoff id → `<score> <team>`, for each id that is known | join, settle |
| `queue:built` | string | Unix ms of the last rebuild; missing when the server lost its data | rebuild |
| `agent:load` | hash | agent id → how many handoffs they hold, offered and active | take, settle |
| `agent:presence` | hash | agent id → JSON `{v, status, reason, capacity, since_ms}` | presence, gone |
| `agent:seen` | zset | agent id → Unix ms when last heard of | presence, beat, gone |

Nothing here expires by itself: the sweeper removes agents who are gone and leases that ran out, the reconciler
removes what SQL no longer knows.
"""

from __future__ import annotations

from dataclasses import dataclass

# A priority weighs more than any difference of times: milliseconds stay below this until the year 2109.
_PRIORITY_STEP = 2**42


@dataclass(frozen=True, slots=True)
class Keys:
    """Spells the keys. `prefix` is the product's; tests use one of their own."""

    prefix: str = "cs"

    def waiting(self, team_id: str) -> str:
        return f"{self.prefix}:{{desk}}:queue:{team_id}:waiting"

    @property
    def offered(self) -> str:
        return f"{self.prefix}:{{desk}}:queue:offered"

    @property
    def active(self) -> str:
        return f"{self.prefix}:{{desk}}:queue:active"

    @property
    def holder(self) -> str:
        return f"{self.prefix}:{{desk}}:queue:holder"

    @property
    def origin(self) -> str:
        return f"{self.prefix}:{{desk}}:queue:origin"

    @property
    def built(self) -> str:
        return f"{self.prefix}:{{desk}}:queue:built"

    @property
    def load(self) -> str:
        return f"{self.prefix}:{{desk}}:agent:load"

    @property
    def presence(self) -> str:
        return f"{self.prefix}:{{desk}}:agent:presence"

    @property
    def seen(self) -> str:
        return f"{self.prefix}:{{desk}}:agent:seen"


def score(priority: int, since_ms: int) -> int:
    """The place in line: priority first (1 before 4), then time of arrival. Exact as a double."""
    return priority * _PRIORITY_STEP + since_ms
