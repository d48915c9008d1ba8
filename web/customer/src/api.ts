/** The open parts of the contract that the customer pages use, on the host that served them. */
import { asRefusal, Refusal } from "../../widget/src/api/refusal";
import type { Rating, SurveyAnswer, TicketAct, TicketDetail, TicketLine } from "../../widget/src/api/types";

const REQUEST_TIMEOUT_MS = 10_000;

export interface ArticleLine {
  readonly article_id: string;
  readonly title: string;
  readonly area: string;
  readonly summary?: string | null;
  readonly popular?: boolean | null;
  readonly updated_at: string;
}

export interface Article {
  readonly article_id: string;
  readonly title: string;
  readonly area: string;
  readonly html: string;
  readonly updated_at: string;
  readonly related: readonly { readonly article_id: string; readonly title: string }[];
}

export interface Found {
  readonly article_id: string;
  readonly title?: string | null;
  readonly question: string;
  readonly answer: string;
}

export interface SurveyPage {
  readonly serial: string;
  readonly title: string;
  readonly solution?: string | null;
  readonly resolved_at: string;
  readonly url?: string | null;
  readonly survey: { readonly rating: Rating; readonly solved: boolean; readonly text?: string | null } | null;
}

export type FeedbackKind = "problem" | "suggestion" | "report" | "praise";
export type FeedbackSource = "page" | "app" | "live_room" | "forum";

export interface Feedback {
  readonly channel_key: string;
  readonly kind: FeedbackKind;
  readonly text: string;
  readonly title?: string | undefined;
  readonly phone?: string | undefined;
  readonly email?: string | undefined;
  readonly consent?: true | undefined;
  readonly live_room?: string | undefined;
  readonly order_number?: string | undefined;
  readonly attachments?: readonly string[];
  readonly source?: FeedbackSource;
  readonly idempotency_key?: string;
}

/** A file on its way up; `stop` gives up, and then `done` fails. */
export interface Sending {
  readonly done: Promise<{ attachment_id: string }>;
  stop(): void;
}

export interface DemoInfo {
  readonly shop_url: string | null;
  readonly wechat_url: string | null;
  readonly weibo_url: string | null;
  readonly roles: readonly { readonly role: string; readonly title: string; readonly names: readonly string[] }[];
}

export async function articles(): Promise<readonly ArticleLine[]> {
  return (await get<{ articles: readonly ArticleLine[] }>("/api/v1/help/articles")).articles;
}

export function article(id: string): Promise<Article> {
  return get(`/api/v1/help/articles/${encodeURIComponent(id)}`);
}

export async function search(query: string): Promise<readonly Found[]> {
  return (await get<{ results: readonly Found[] }>(`/api/v1/knowledge/search?q=${encodeURIComponent(query)}&limit=10`)).results;
}

export function ticket(token: string): Promise<TicketDetail> {
  return get(`/api/v1/t/${encodeURIComponent(token)}`);
}

/** One line of the page of all of one's tickets; `url` is its own page. */
export type OwnTicket = TicketLine & { readonly url: string };

export async function mine(token: string): Promise<readonly OwnTicket[]> {
  return (await get<{ tickets: readonly OwnTicket[] }>(`/api/v1/my/${encodeURIComponent(token)}`)).tickets;
}

export function uploadAddress(token: string): string {
  return `/api/v1/t/${encodeURIComponent(token)}/attachments`;
}

export async function ticketFile(token: string, id: string): Promise<Blob> {
  return (await ask("GET", `${uploadAddress(token)}/${encodeURIComponent(id)}`)).blob();
}

export async function ticketAct(token: string, act: TicketAct | "survey", body: object): Promise<void> {
  await ask("POST", `/api/v1/t/${encodeURIComponent(token)}/${act}`, body);
}

export function survey(token: string): Promise<SurveyPage> {
  return get(`/api/v1/s/${encodeURIComponent(token)}`);
}

export async function answerSurvey(token: string, answer: SurveyAnswer): Promise<void> {
  await ask("POST", `/api/v1/s/${encodeURIComponent(token)}`, answer);
}

/** A decision that the person concerned may appeal. */
export interface Decision {
  readonly serial: string;
  readonly level: string;
  readonly rule: string;
  readonly until: string | null;
  readonly may_appeal: boolean;
}

export function decision(token: string): Promise<Decision> {
  return get(`/api/v1/appeals/${encodeURIComponent(token)}`);
}

export async function appealDecision(token: string, appeal: { text: string; name: string }): Promise<{ serial: string; url: string }> {
  return (await (await ask("POST", `/api/v1/appeals/${encodeURIComponent(token)}`, appeal)).json()) as { serial: string; url: string };
}

export async function giveFeedback(feedback: Feedback): Promise<{ serial: string; url?: string | null }> {
  return (await (await ask("POST", "/api/v1/feedback", feedback)).json()) as { serial: string; url?: string | null };
}

/** Send one file with its progress from 0 to 1; fetch cannot tell how far an upload has come. */
export function uploadForFeedback(channel: string, file: File, progress: (share: number) => void): Sending {
  const request = new XMLHttpRequest();
  const done = new Promise<{ attachment_id: string }>((resolve, reject) => {
    request.open("POST", `/api/v1/feedback/attachments?channel_key=${encodeURIComponent(channel)}`);
    request.responseType = "json";
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) progress(event.loaded / event.total);
    };
    request.onload = () => {
      if (request.status === 201) resolve(request.response as { attachment_id: string });
      else reject(Refusal.ofStatus(request.status, request.getResponseHeader("Retry-After")));
    };
    request.onerror = () => reject(new Refusal("network"));
    request.onabort = () => reject(new Refusal("network"));
    const form = new FormData();
    form.set("file", file, file.name);
    request.send(form);
  });
  return { done, stop: () => request.abort() };
}

export function demoInfo(): Promise<DemoInfo> {
  return get("/demo/info");
}

export async function demoLogIn(role: string): Promise<string> {
  return ((await (await ask("POST", "/demo/login", { role })).json()) as { url: string }).url;
}

export async function get<Reply>(address: string, headers: Readonly<Record<string, string>> = {}): Promise<Reply> {
  return (await (await ask("GET", address, undefined, headers)).json()) as Reply;
}

export async function ask(method: "GET" | "POST", address: string, body?: object, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
  try {
    const response = await fetch(address, {
      method,
      cache: "no-store",
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      headers: body === undefined ? headers : { ...headers, "Content-Type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw Refusal.ofStatus(response.status, response.headers.get("Retry-After"));
    return response;
  } catch (error) {
    throw asRefusal(error);
  }
}
