/** What one step of a ticket's history changed, from the gateway's two rows of words. */

import type { TicketEvent } from "../api/types";

export interface ValueChange {
  readonly from: string | null;
  readonly to: string;
}

const BETWEEN = " · ";

/** Pairs that differ. Rows of different lengths do not pair up and are told as they are. */
export function changesOf(old: string | null, fresh: string | null): ValueChange[] {
  if (fresh === null) return [];
  if (old === null) return [{ from: null, to: fresh }];
  const [before, after] = [old.split(BETWEEN), fresh.split(BETWEEN)];
  if (before.length !== after.length) return [{ from: old, to: fresh }];
  return after.flatMap((to, at) => {
    const from = before[at] ?? null;
    return from === to ? [] : [{ from, to }];
  });
}

/** The changes of a step, each with the name of what changed; the first step tells all values and so none. */
export function changesIn(event: TicketEvent): (ValueChange & { readonly name: string })[] {
  if (event.kind === "opened") return [];
  if (event.changes !== undefined) return event.changes.map((one) => ({ name: one.name, from: one.old, to: one.new }));
  return changesOf(event.old, event.new).map((one) => ({ name: "", ...one }));
}
