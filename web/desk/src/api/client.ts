/**
 * One way to the gateway. The slot in the path says which of several log-ins of this browser speaks; it travels as a
 * header because the cookie's name depends on it. Unsafe methods carry the session's CSRF value.
 */

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly requestId: string | null = null,
    readonly retryAfterS: number | null = null,
  ) {
    super(message);
    this.name = "ApiError";
  }

  get isOffline(): boolean {
    return this.code === "offline";
  }
}

export type Query = Readonly<Record<string, string | number | boolean | null | undefined>>;
type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** Longer than the slowest honest answer (a publish), shorter than a person's patience. */
const REPLY_TIMEOUT_MS = 30_000;

let slot = 1;
let csrf = "";
let onLoggedOut: () => void = () => undefined;
let onAgreementWanted: () => void = () => undefined;

/** Told once by the start of the page. */
export function speakAs(ownSlot: number, loggedOut: () => void, agreementWanted: () => void = () => undefined): void {
  slot = ownSlot;
  onLoggedOut = loggedOut;
  onAgreementWanted = agreementWanted;
}

export function ownSlot(): number {
  return slot;
}

export function setCsrf(value: string): void {
  csrf = value;
}

export function queryString(query: Query): string {
  const parts = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== "") parts.set(name, String(value));
  }
  const text = parts.toString();
  return text === "" ? "" : `?${text}`;
}

export const get = <T>(path: string, query: Query = {}): Promise<T> => call<T>("GET", path + queryString(query));
export const post = <T = void>(path: string, body: unknown = {}): Promise<T> => call<T>("POST", path, body);
export const put = <T = void>(path: string, body: unknown): Promise<T> => call<T>("PUT", path, body);
export const patch = <T = void>(path: string, body: unknown): Promise<T> => call<T>("PATCH", path, body);
export const remove = <T = void>(path: string): Promise<T> => call<T>("DELETE", path);

async function call<T>(method: Method, path: string, body?: unknown): Promise<T> {
  const headers: Record<string, string> = { Accept: "application/json", "X-Desk-Slot": String(slot) };
  const request: RequestInit = { method, headers, credentials: "same-origin", signal: AbortSignal.timeout(REPLY_TIMEOUT_MS) };
  if (method !== "GET") {
    headers["X-CSRF-Token"] = csrf;
    if (body !== undefined) {
      headers["Content-Type"] = "application/json";
      request.body = JSON.stringify(body);
    }
  }
  let response: Response;
  try {
    response = await fetch(path, request);
  } catch {
    throw new ApiError(0, "offline", "");
  }
  if (response.status === 204) return undefined as T;
  if (response.ok) return (await response.json()) as T;
  const error = await readError(response);
  if (error.status === 401 && !path.startsWith("/api/v1/session")) onLoggedOut();
  if (error.code === "agreement_required") onAgreementWanted();
  throw error;
}

async function readError(response: Response): Promise<ApiError> {
  let told: { code?: unknown; message?: unknown; request_id?: unknown } = {};
  try {
    told = ((await response.json()) as { error?: typeof told }).error ?? {};
  } catch {
    // A proxy may answer in its own words; the status says enough.
  }
  return readable(response.status, told, response.headers.get("Retry-After"));
}

function readable(status: number, told: { code?: unknown; message?: unknown; request_id?: unknown }, retryAfter: string | null): ApiError {
  const word = (value: unknown): string | null => (typeof value === "string" && value !== "" ? value : null);
  return new ApiError(
    status,
    word(told.code) ?? `http_${status}`,
    word(told.message) ?? "",
    word(told.request_id),
    retryAfter === null ? null : Number(retryAfter),
  );
}

/** Send one file with progress from 0 to 1; fetch cannot tell how far an upload has come. */
export function upload<T>(path: string, file: File, progress: (share: number) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", path);
    request.setRequestHeader("X-Desk-Slot", String(slot));
    request.setRequestHeader("X-CSRF-Token", csrf);
    request.responseType = "json";
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) progress(event.loaded / event.total);
    };
    request.onload = () => {
      if (request.status >= 200 && request.status < 300) {
        resolve(request.response as T);
        return;
      }
      const told = (request.response as { error?: Record<string, unknown> } | null)?.error ?? {};
      reject(readable(request.status, told, request.getResponseHeader("Retry-After")));
    };
    request.onerror = () => reject(new ApiError(0, "offline", ""));
    const form = new FormData();
    form.set("file", file, file.name);
    request.send(form);
  });
}

/** A file that wants the session's header, as an address that an <img> can show. Give it back with URL.revokeObjectURL. */
export async function fetchFile(path: string): Promise<string> {
  const response = await fetch(path, { headers: { "X-Desk-Slot": String(slot) }, credentials: "same-origin" });
  if (!response.ok) throw await readError(response);
  return URL.createObjectURL(await response.blob());
}
