/** What one step of a ticket's history changed, from the gateway's two rows of words. */

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
