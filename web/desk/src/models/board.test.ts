import { expect, it } from "vitest";
import type { QueueItem } from "../api/types";
import { boardOf, promiseOf } from "./board";

const now = new Date("2026-11-21T10:00:00Z");
const waits = (team_id: string, seconds: number): QueueItem => ({
  handoff_id: `${team_id}${seconds}`, conversation_id: "c", customer_name: "", channel_kind: "web", team_id, team_name: team_id, reason: "", reason_text: "",
  priority: 3, last_text: "", waiting_since: new Date(now.getTime() - seconds * 1000).toISOString(), position: 0, ticket_serial: null, title: null,
});

it("counts who waits by team, the longest wait first", () => {
  expect(boardOf([waits("a", 30), waits("b", 200), waits("a", 140)], [], now)).toEqual({
    waiting: 3, longestS: 200, atRisk: 2, withAgents: 0,
    teams: [{ id: "b", name: "b", waiting: 1, longestS: 200, atRisk: 1 }, { id: "a", name: "a", waiting: 2, longestS: 140, atRisk: 1 }],
  });
  expect(boardOf([], [], now)).toMatchObject({ waiting: 0, longestS: 0 });
});

it("is at risk from three quarters of the promise", () => {
  expect([134, 135, 180].map(promiseOf)).toEqual(["kept", "risk", "late"]);
});
