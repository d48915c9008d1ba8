import { ago } from "./people.ts";
import { brief } from "./tickets.ts";

const row = (id: string, name: string, channel: string, last: string, minutes: number, more: object = {}): object => ({
  conversation_id: id, customer_name: name, channel_kind: channel, mode: "agent", agent_id: "s1", agent_name: "林夏", last_text: last,
  last_at: ago(minutes), unread: 0, waiting_since: null, ticket_serial: "FL-20261121-000123", ticket_state: "in_progress", priority: 3, ...more,
});
const mine = [
  row("c1", "蓝鲸不睡觉", "web", "投屏到电视以后还是一直转圈", 1, { unread: 2, emotion: 0.8 }),
  row("c2", "小满", "wechat", "好的，我等你消息", 6, { ticket_state: "waiting_customer" }),
  row("c3", "南山有台", "weibo", "重复扣了两次 25 元，订单截图发你了", 9, { unread: 1 }),
  row("c4", "陈予安", "web", "谢谢，已经能看了", 22, { ticket_state: "resolved" }),
  row("c5", "Luna", "mail", "Re: 发票抬头修改", 140, { ticket_state: "to_report" }),
];
const team = [...mine.slice(1, 3), row("c6", "阿布", "web", "孩子的青少年模式密码忘记了", 3, { agent_id: "s2", agent_name: "周远" }), row("c7", "橘子汽水", "wechat", "直播间回放在哪里看", 12, { mode: "bot", agent_id: null, agent_name: null, ticket_state: "new" })];
const waiting = [
  ["h1", "c11", "江上渔火", "web", "payment", "支付组", "complaint", "我要投诉，扣了钱会员没到账", 4.2, 0.9],
  ["h2", "c12", "一只安静的猫", "wechat", "technical", "技术支持", "explicit_wish", "转人工", 2.1, 0.1],
  ["h3", "c13", "季白", "web", "technical", "技术支持", "failed_turns", "不是这个问题，我的是平板", 0.7, 0.3],
] as const;

export const conversations = (view: string): object[] => (view === "team" || view === "all" ? team : mine);
export const queue = (): object => ({
  online: 4,
  longest_wait_s: 252,
  items: waiting.map(([handoff_id, conversation_id, customer_name, channel_kind, team_id, team_name, reason, last_text, minutes, emotion], position) => ({
    handoff_id, conversation_id, customer_name, channel_kind, team_id, team_name, reason, last_text, emotion, position,
    reason_text: { complaint: "用户投诉", explicit_wish: "用户要求人工", failed_turns: "机器人连续两次未能解答" }[reason], priority: 3, waiting_since: ago(minutes), ticket_serial: `FL-20261121-00013${position}`, title: last_text,
  })),
});
export const day = (): object => ({
  counts: { conversations: 5, waiting_for_me: 2, line: 3, tickets: 7, due: 3, overdue: 1, reopened: 1 },
  due: [brief(2, { overdue: true, next_step: "回电确认退款到账", next_step_at: ago(40) }), brief(1, { next_step: "跟进电视端新版是否修复", next_step_at: ago(-120) }), brief(4, { next_step: "给客户发新发票", next_step_at: ago(-260) })],
  reopened: [brief(3, { reopened_count: 1, rating: 1 })],
  waiting: [mine[0], mine[2]],
});

let seq = 12;
const message = (id: string, at: number, author: string, text: string, more: object = {}): Record<string, unknown> => ({
  id, seq: Number(id.slice(1)) || null, author, kind: "text", text, html: null, payload: {}, staff_name: null, delivery: "none", at: ago(at), exchange: null, ...more,
});
const talk = [
  message("m1", 31, "customer", "投屏到电视一直转圈怎么办"),
  message("m2", 31, "bot", "请确认手机和电视在同一个网络，再重新投屏。", {
    html: "<p>请确认手机和电视在<strong>同一个无线网络</strong>,然后：</p><ol><li>在播放页点右上角的投屏按钮</li><li>选择您的电视</li><li>如果找不到电视，重启电视端应用</li></ol>",
    payload: { articles: [{ article_id: "cast", title: "投屏失败或一直加载怎么办" }] }, helpful: false,
  }),
  message("m3", 28, "customer", "都试过了没用", { exchange: { intent: "report_problem", confidence: 0.86, decision: "form", articles: [{ article_id: "cast", title: "投屏失败或一直加载怎么办", probability: 0.44 }] } }),
  message("m4", 28, "bot", "抱歉没能解决。为了尽快定位，请问您的电视是什么型号？", { payload: { choices: [{ id: "form:tv", label: "智能电视" }, { id: "form:box", label: "电视盒子" }, { id: "person", label: "转人工" }] } }),
  message("m5", 27, "customer", "智能电视", { kind: "choice" }),
  message("m6", 26, "customer", "从昨天晚上开始的，家里宽带 300 兆，别的软件都正常。能不能快点，孩子等着看动画片，真的很生气", { exchange: { intent: "complain", confidence: 0.91, decision: "person", articles: [] } }),
  message("m7", 25, "system", "已为您转接人工客服，前面还有 1 位。", { kind: "notice" }),
  message("m8", 3, "system", "客服 林夏 已接入", { kind: "notice" }),
  message("m9", 2.8, "customer", "", { kind: "image", payload: { attachment: { attachment_id: "a1", kind: "file", name: "电视报错截图.png", bytes: 348_120 } } }),
  { ...message("n1", 2.6, "agent", "电视端 4.2.1 版今天有两例同样的反馈，已问技术。", { kind: "note", staff_name: "周远" }), seq: null },
  message("m10", 2.4, "customer", "投屏到电视以后还是一直转圈"),
];
const packet = {
  version: 1, summary: "客户投屏到智能电视后一直加载，按文章操作无效，已报障并要求人工，情绪激动。",
  wants_now: "今晚之前能在电视上正常看动画片。",
  form: [{ key: "problem", value: "投屏后一直转圈" }, { key: "since", value: "昨天 20:30 左右" }, { key: "device_model", value: "智能电视 65 英寸" }, { key: "system_version", value: "安卓 11" }, { key: "app_version", value: "电视端 4.2.1" }, { key: "network_kind", value: "家庭宽带" }, { key: "city", value: "杭州" }, { key: "speed", value: "下载 286 Mbps" }],
  articles_tried: [{ article_id: "cast", title: "投屏失败或一直加载怎么办", probability: 0.44, helpful: false }, { article_id: "tv", title: "电视端卡顿、加载慢", probability: 0.31 }],
  failed_turns: 2, intent: "report_problem", confidence: 0.86, emotion: 0.82, open_tickets: [{ serial: "FL-20261118-000087", title: "会员自动续费取消" }],
};

export function conversationDetail(id: string): object {
  const isWaiting = id.startsWith("c1") && id !== "c1";
  const known = [...mine, ...team].find((one) => (one as { conversation_id: string }).conversation_id === id) as { customer_name: string; channel_kind: string } | undefined;
  const channel = known?.channel_kind ?? "web";
  return {
    conversation: {
      id, mode: isWaiting ? "waiting" : id === "c7" ? "bot" : "agent", epoch: 3, channel_kind: channel, channel_name: "星屿视频网站",
      agent_id: isWaiting ? null : id === "c6" ? "s2" : "s1", agent_name: isWaiting ? null : id === "c6" ? "周远" : "林夏", customer_read_seq: 11,
      limits: channel === "weibo" ? { max_chars: 300, window_until: ago(-30) } : {},
    },
    customer: {
      id: "u1", name: known?.customer_name ?? "江上渔火", level: "vip", tags: [{ tag: "电视端用户", reason: "近 30 天 80% 在电视观看" }, "家庭账号"],
      profile: { device_model: "智能电视 65 英寸", system_version: "安卓 11", app_version: "电视端 4.2.1", network_kind: "家庭宽带", network_provider: "浙江宽带", city: "杭州", browser: "手机网页" },
      phone_masked: "138****2076", email_masked: null,
      identities: [{ channel_kind: channel, external_masked: "user:80***21", proven: true }, { channel_kind: "wechat", external_masked: "oX4k***9sQ", proven: false }],
    },
    ticket: brief(0), handoff: { id: "h1", reason: "complaint", reason_text: "客户投诉并要求人工", state: isWaiting ? "waiting" : "active", packet },
    messages: isWaiting ? talk.slice(0, 7) : talk, has_more: true, draft: id === "c3" ? "您好，已经看到两笔订单，正在为您核对" : "",
    earlier: [{ serial: "FL-20261118-000087", title: "会员自动续费取消", state: "closed", at: ago(4300) }, { serial: "FL-20261002-000031", title: "忘记密码无法登录", state: "self_solved", at: ago(70_000) }],
  };
}

export function say(_id: string, body: Record<string, unknown>, isNote: boolean): object {
  seq += 1;
  const id = `m${seq}`;
  talk.push({
    ...message(id, 0, "agent", typeof body["text"] === "string" ? body["text"] : "", { staff_name: "林夏", kind: isNote ? "note" : "text", client_message_id: body["client_message_id"] }),
    seq: isNote ? null : seq,
  });
  return { message_id: id, seq };
}
