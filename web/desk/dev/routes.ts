import { conversationDetail, conversations, day, queue, say } from "./talks.ts";
import { article, articles, changes, gaps, preview, releases, tryOut } from "./articles.ts";
import { choices, cut, faults, overview } from "./figures.ts";
import { audit, channels, keys, people, session, teams } from "./people.ts";
import { categories, ticketDetail, tickets } from "./tickets.ts";

export interface Asked {
  method: string;
  path: string;
  query: URLSearchParams;
  slot: string;
  body: Record<string, unknown>;
}
export interface Told {
  status: number;
  body?: unknown;
}

const word = (value: unknown): string => (typeof value === "string" ? value : "");
const ok = (body: unknown): Told => ({ status: 200, body });
const done: Told = { status: 204 };
const list = (items: unknown): Told => ok({ items, next: null });
let presence = { status: "online", reason: null as unknown, capacity: 5, load: 3, since: new Date(Date.now() - 4e6).toISOString() };
let isLoggedIn = true;

type Route = [method: string, path: RegExp, work: (asked: Asked, id: string) => Told];

const routes: Route[] = [
  ["GET", /^\/api\/v1\/session$/, (asked) => (isLoggedIn && asked.slot !== "9" ? ok(session(asked.slot)) : refuse(401, "unauthorized", "请先登录"))],
  ["POST", /^\/api\/v1\/session$/, (asked) => logIn(asked)],
  ["DELETE", /^\/api\/v1\/session/, () => ((isLoggedIn = false), done)],
  ["POST", /^\/api\/v1\/session\/totp\/start$/, () => ok({ secret: "JBSWY3DPEHPK3PXP", uri: "otpauth://totp/Frontline:linxia?secret=JBSWY3DPEHPK3PXP&issuer=Frontline" })],
  ["POST", /^\/api\/v1\/session\//, () => done],
  ["GET", /^\/api\/v1\/desk\/presence$/, () => ok(presence)],
  ["PUT", /^\/api\/v1\/desk\/presence$/, (asked) => ok((presence = { ...presence, ...(asked.body as typeof presence), since: new Date().toISOString() }))],
  ["GET", /^\/api\/v1\/desk\/day$/, () => ok(day())],
  ["GET", /^\/api\/v1\/desk\/queue$/, () => ok(queue())],
  ["POST", /^\/api\/v1\/desk\/handoffs\/(.+)\/accept$/, () => ok({ conversation_id: "c1" })],
  ["GET", /^\/api\/v1\/desk\/conversations$/, (asked) => list(conversations(asked.query.get("view") ?? "mine"))],
  ["GET", /^\/api\/v1\/desk\/conversations\/([^/]+)$/, (_, id) => ok(conversationDetail(id))],
  ["POST", /^\/api\/v1\/desk\/conversations\/([^/]+)\/(?:messages|notes)$/, (asked, id) => ({ status: 202, body: say(id, asked.body, asked.path.endsWith("notes")) })],
  ["GET", /^\/api\/v1\/tickets$/, (asked) => list(tickets(asked.query.get("view") ?? "all"))],
  ["GET", /^\/api\/v1\/tickets\/([^/]+)$/, (_, id) => ok(ticketDetail(id))],
  ["GET", /^\/api\/v1\/ticket-views$/, () => list([{ id: "v1", name: "今天到期的退款", filters: { view: "team", category: "payment" }, sort: "due", columns: [], team_id: "payment", mine: true, owner_name: "林夏" }])],
  ["GET", /^\/api\/v1\/ticket-views\/counts$/, () => ok({ counts: { mine: 4, team: 12, open: 31, overdue: 1, v1: 3 }, most: 100 })],
  ["POST", /^\/api\/v1\/ticket-views/, () => ok({ id: "v2" })],
  ["POST", /^\/api\/v1\/tickets\/([^/]+)\/reveals$/, () => ok({ id: "r1", value: "13812345678", until: new Date(Date.now() + 60_000).toISOString() })],
  ["GET", /^\/api\/v1\/agreement$/, () => ok({ version: 1, text: "## 用户信息保密协议\n\n1. **只为手头的事查看。**\n2. **不外传。**", published_at: new Date().toISOString(), accepted: true })],
  ["GET", /^\/api\/v1\/agreement\/acceptances$/, () => list([{ id: "s1", name: "林夏", at: new Date().toISOString(), how: "desk" }, { id: "s4", name: "何川", at: null, how: null }])],
  ["GET", /^\/api\/v1\/categories$/, () => ok({ items: categories })],
  ["GET", /^\/api\/v1\/figures\/overview$/, (asked) => ok(overview(asked.query))],
  ["GET", /^\/api\/v1\/figures\/choices$/, () => ok(choices)],
  ["GET", /^\/api\/v1\/figures\/cut$/, () => list(cut)],
  ["GET", /^\/api\/v1\/figures\/faults$/, () => list(faults)],
  ["GET", /^\/api\/v1\/knowledge\/articles$/, (asked) => ok({ items: articles(asked.query), next: null, areas: ["账号", "播放与网络", "支付", "订阅与续费", "退款与扣费", "发票", "青少年模式", "直播"] })],
  ["GET", /^\/api\/v1\/knowledge\/articles\/([^/]+)$/, (_, id) => ok(article(id))],
  ["PUT", /^\/api\/v1\/knowledge\/articles\/([^/]+)$/, (_, id) => ok(article(id))],
  ["POST", /^\/api\/v1\/knowledge\/preview$/, (asked) => ok(preview(word(asked.body["markdown"])))],
  ["POST", /^\/api\/v1\/knowledge\/try$/, (asked) => ok(tryOut(word(asked.body["text"])))],
  ["GET", /^\/api\/v1\/knowledge\/changes$/, () => ok(changes)],
  ["GET", /^\/api\/v1\/knowledge\/releases$/, () => list(releases)],
  ["GET", /^\/api\/v1\/knowledge\/gaps$/, () => list(gaps)],
  ["GET", /^\/api\/v1\/knowledge\/search$/, (asked) => ok({ release: "r1", ...tryOut(asked.query.get("q") ?? "").live })],
  ["GET", /^\/api\/v1\/staff$/, () => list(people)],
  ["GET", /^\/api\/v1\/teams$/, () => list(teams)],
  ["GET", /^\/api\/v1\/keys$/, () => list(keys)],
  ["POST", /^\/api\/v1\/keys$/, () => ok({ ...keys[0], id: "k9", key: "flk_7Yt2mXq0Lr8sVb3nKc5dZ1wH" })],
  ["GET", /^\/api\/v1\/channels$/, () => list(channels)],
  ["GET", /^\/api\/v1\/audit$/, () => list(audit)],
];

function logIn(asked: Asked): Told {
  if (asked.body["password"] === "wrong") return refuse(401, "unauthorized", "账号或密码不正确");
  if (asked.body["name"] === "totp" && asked.body["totp"] === undefined) return refuse(401, "totp_required", "请输入动态验证码");
  isLoggedIn = true;
  return { status: 201, body: session(asked.slot) };
}

function refuse(status: number, code: string, message: string): Told {
  return { status, body: { error: { code, message, request_id: "req_dev" } } };
}

export function answer(asked: Asked): Told {
  for (const [method, path, work] of routes) {
    const found = asked.method === method ? path.exec(asked.path) : null;
    if (found) return work(asked, decodeURIComponent(found[1] ?? ""));
  }
  return asked.method === "GET" ? refuse(404, "not_found", "没有找到") : done;
}
