/** Why a request did not succeed, in the few kinds that the pages tell apart. */

export type RefusalKind = "network" | "unauthorized" | "limited" | "invalid" | "missing" | "conflict" | "too_large" | "server";

const KIND_BY_STATUS: Readonly<Record<number, RefusalKind>> = {
  400: "invalid",
  401: "unauthorized",
  403: "unauthorized",
  404: "missing",
  409: "conflict",
  413: "too_large",
  422: "invalid",
  429: "limited",
};

export class Refusal extends Error {
  constructor(
    readonly kind: RefusalKind,
    readonly status = 0,
    readonly retryAfterS: number | null = null,
  ) {
    super(`${kind} ${status}`);
  }

  /** Whether the same request may succeed a moment later, unchanged. */
  get isPassing(): boolean {
    return this.kind === "network" || this.kind === "server";
  }

  static ofStatus(status: number, retryAfter: string | null): Refusal {
    const wait = retryAfter === null ? NaN : Number(retryAfter);
    return new Refusal(KIND_BY_STATUS[status] ?? "server", status, Number.isFinite(wait) ? wait : null);
  }
}

export function asRefusal(error: unknown): Refusal {
  return error instanceof Refusal ? error : new Refusal("network");
}
