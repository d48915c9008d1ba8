const ALL = [
  "desk.use", "desk.watch", "ticket.read", "ticket.write", "ticket.escalate", "ticket.expert", "ticket.review", "ticket.classify",
  "figures.read", "knowledge.read", "knowledge.write", "knowledge.publish", "settings.write", "people.write", "audit.read",
];

export const ago = (minutes: number): string => new Date(Date.now() - minutes * 60_000).toISOString();

/** Slot 2 is an agent, slot 3 a manager; every other may do everything. */
export function session(slot: string): unknown {
  const agent = ["desk.use", "ticket.read", "ticket.write", "ticket.escalate", "knowledge.read"];
  const permissions = slot === "2" ? agent : slot === "3" ? ["figures.read"] : ALL;
  return {
    staff: {
      id: "s1", name: "linxia", display_name: "林夏", roles: slot === "2" ? ["agent"] : ["supervisor"], permissions,
      teams: [{ id: "technical", name: "技术支持" }, { id: "payment", name: "支付组" }],
    },
    csrf: "dev", slot: Number(slot), demo: true, version: "0.1.0",
  };
}

const members = [{ id: "s1", name: "林夏" }, { id: "s2", name: "周远" }, { id: "s3", name: "许静" }, { id: "s4", name: "何川" }];
export const teams = [
  ["general", "综合服务"], ["technical", "技术支持"], ["payment", "支付组"], ["content", "内容审核"], ["community", "社区运营"], ["commerce", "商家服务"],
].map(([id, name]) => ({ id: id!, name: name!, members }));

const person = (id: string, name: string, display: string, roles: string[], team: string[], more: object = {}): object => ({
  id, name, display_name: display, roles, teams: team, skills: [], disabled: false, totp: false, demo: true, created_at: ago(90_000), ...more,
});
export const people = [
  person("s1", "linxia", "林夏", ["agent"], ["technical", "payment"], { totp: true }),
  person("s2", "zhouyuan", "周远", ["agent"], ["technical"]),
  person("s3", "xujing", "许静", ["agent"], ["payment"]),
  person("s4", "hechuan", "何川", ["expert"], ["technical", "payment"], { skills: ["播放"] }),
  person("s5", "tangmin", "唐敏", ["supervisor"], ["general", "technical", "payment"]),
  person("s6", "luying", "陆颖", ["editor"], []),
  person("s7", "admin", "系统管理员", ["admin"], [], { demo: false, totp: true }),
  person("s8", "mengfan", "孟凡", ["agent"], ["content"], { disabled: true }),
];
export const keys = [
  { id: "k1", name: "数据仓库导出", role: "manager", created_at: ago(40_000), used_at: ago(12), revoked: false },
  { id: "k2", name: "内部机器人", role: "agent", created_at: ago(80_000), used_at: null, revoked: true },
];
const channel = (id: string, kind: string, name: string, more: object = {}): object => ({
  id, key: `xingyu-${kind}`, kind, name, sites: [], config: {}, secrets: { token: true, secret: true }, greeting: "", privacy_url: "", disabled: false,
  webhook: kind === "web" ? null : `https://support.example/connectors/${kind}/xingyu-${kind}`, ...more,
});
export const channels = [
  channel("ch1", "web", "星屿视频网站", { sites: ["https://www.xingyu.example"], secrets: { identity_key: true }, greeting: "您好，我是星屿小助手。" }),
  channel("ch2", "wechat", "星屿视频服务号", { config: { app_id: "wx0000", original_id: "gh_0000", api_base: "" } }),
  channel("ch3", "weibo", "星屿视频官微", { disabled: true }),
];
export const audit = [
  { number: 8, at: ago(3), actor: "s5", actor_name: "唐敏", action: "ticket.reviewed", object: "FL-20261121-000117", data: {} },
  { number: 7, at: ago(16), actor: "s7", actor_name: "系统管理员", action: "account.changed", object: "孟凡", data: { fields: ["disabled"] } },
  { number: 6, at: ago(55), actor: "s6", actor_name: "陆颖", action: "knowledge.published", object: "r18", data: { number: 18 } },
  { number: 5, at: ago(70), actor: "s1", actor_name: "林夏", action: "session.opened", object: "s1", data: { address: "10.0.3.18" } },
];
