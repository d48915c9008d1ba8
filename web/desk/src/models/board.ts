/** The live board from the line and the conversations: four numbers and one row per team. */
import type { ConversationRow, QueueItem } from "../api/types";

/** The website's promise of a first human word; at three quarters of it a wait is at risk. */
export const PROMISE_S = 180;
const AT_RISK_FROM = 0.75;

export type PromiseState = "kept" | "risk" | "late";

export function promiseOf(waitedS: number): PromiseState {
  return waitedS >= PROMISE_S ? "late" : waitedS >= PROMISE_S * AT_RISK_FROM ? "risk" : "kept";
}

export interface TeamRow {
  readonly id: string;
  readonly name: string;
  readonly waiting: number;
  readonly longestS: number;
  readonly atRisk: number;
}

export interface BoardView {
  readonly waiting: number;
  readonly longestS: number;
  readonly atRisk: number;
  readonly withAgents: number;
  readonly teams: readonly TeamRow[];
}

export function boardOf(line: readonly QueueItem[], talks: readonly ConversationRow[], now: Date): BoardView {
  const teams = new Map<string, TeamRow>();
  for (const item of line) {
    const waitedS = Math.max(0, (now.getTime() - Date.parse(item.waiting_since)) / 1000);
    const row = teams.get(item.team_id) ?? { id: item.team_id, name: item.team_name, waiting: 0, longestS: 0, atRisk: 0 };
    teams.set(item.team_id, {
      ...row,
      waiting: row.waiting + 1,
      longestS: Math.max(row.longestS, waitedS),
      atRisk: row.atRisk + (promiseOf(waitedS) === "kept" ? 0 : 1),
    });
  }
  const rows = [...teams.values()].sort((a, b) => b.longestS - a.longestS);
  return {
    waiting: line.length,
    longestS: Math.max(0, ...rows.map((row) => row.longestS)),
    atRisk: rows.reduce((sum, row) => sum + row.atRisk, 0),
    withAgents: talks.filter((talk) => talk.mode === "agent").length,
    teams: rows,
  };
}
