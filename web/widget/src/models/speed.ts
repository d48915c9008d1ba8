/** A speed test of a few seconds: delay from tiny requests, throughput from growing ones. */

export interface Speed {
  readonly mbps: number;
  readonly ms: number;
}

export const BUDGET_MS = 5_000;
const PINGS = 3;
const SIZES = [200_000, 500_000, 1_000_000, 2_000_000, 4_000_000, 4_000_000];
/** A shorter transfer says more about the delay than about the line. */
const MEANINGFUL_MS = 150;

type Sample = (bytes: number, signal: AbortSignal) => Promise<number>;

/** Stops by itself when the time is over; a transfer cut short by that is not counted. Fails when nothing was measured. */
export async function measure(sample: Sample, now: () => number): Promise<Speed> {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), BUDGET_MS);
  const end = now() + BUDGET_MS;
  try {
    const delays: number[] = [];
    for (let i = 0; i < PINGS; i += 1) delays.push((await timed(sample, 1, controller.signal, now)).ms);
    const rates: number[] = [];
    for (const size of SIZES) {
      if (now() >= end) break;
      try {
        const one = await timed(sample, size, controller.signal, now);
        if (one.ms >= MEANINGFUL_MS || rates.length === 0) rates.push((one.bytes * 8) / one.ms / 1_000);
      } catch (error) {
        if (rates.length === 0) throw error;
        break;
      }
    }
    return { mbps: Math.round(Math.max(...rates) * 10) / 10, ms: Math.round(Math.min(...delays)) };
  } finally {
    clearTimeout(timer);
  }
}

/** What the figure means for watching: full, standard, poor. */
export function judge(speed: Speed): "good" | "fair" | "poor" {
  if (speed.mbps >= 20 && speed.ms <= 150) return "good";
  return speed.mbps >= 5 && speed.ms <= 400 ? "fair" : "poor";
}

async function timed(sample: Sample, size: number, signal: AbortSignal, now: () => number): Promise<{ bytes: number; ms: number }> {
  const begun = now();
  const bytes = await sample(size, signal);
  return { bytes, ms: Math.max(1, now() - begun) };
}
