import { ago } from "./people.ts";

const titles = [
  "投屏到电视一直加载", "自动续费重复扣款", "直播回放缺少下半场", "会员到账后仍有广告", "电子发票抬头修改", "青少年模式密码遗忘",
  "评论被误删申诉", "海外无法播放", "商品物流三天未更新", "平板端画面与声音不同步", "举报直播间诱导消费", "弹幕关闭后仍显示",
];
const categories_ = [
  ["playback.cast", "投屏"], ["payment.double", "重复扣款"], ["live.replay", "回放"], ["benefit.ads", "广告权益"], ["invoice.title", "发票抬头"], ["teen.password", "青少年密码"],
] as const;
const names = ["蓝鲸不睡觉", "南山有台", "小满", "陈予安", "Luna", "阿布", "橘子汽水", "江上渔火", "季白", "一只安静的猫", "云深不知处", "团子"];
const states = ["in_progress", "new", "waiting_customer", "in_progress", "to_report", "resolved", "new", "in_progress", "waiting_customer", "resolved", "closed", "self_solved"];
const stateNames: Record<string, string> = {
  new: "待处理", in_progress: "处理中", waiting_customer: "待用户补充", to_report: "待反馈用户", resolved: "已解决", closed: "已关闭", self_solved: "自助解决",
};

export function brief(at: number, more: object = {}): object {
  const category = categories_[at % categories_.length]!;
  const state = states[at % states.length]!;
  return {
    id: `t${at}`, serial: `FL-20261121-${String(123 - at).padStart(6, "0")}`, title: titles[at % titles.length], state, state_text: stateNames[state],
    tier: at === 3 ? 3 : 2, priority: at === 1 ? 1 : at === 3 ? 2 : 3, category_id: category[0], category_name: category[1],
    team_id: at % 2 ? "payment" : "technical", team_name: at % 2 ? "支付组" : "技术支持", assignee_id: at % 3 ? "s1" : "s4", assignee_name: at % 3 ? "林夏" : "何川",
    channel_kind: ["web", "wechat", "weibo", "web", "mail"][at % 5], customer_name: names[at % names.length], updated_at: ago(7 + at * 31), created_at: ago(60 + at * 190),
    next_step: at % 3 === 0 ? "技术确认电视端 4.2.1 是否受影响" : null, next_step_at: at % 3 === 0 ? ago(-180) : null,
    overdue: at === 1, review_wanted: at === 3, reopened_count: at === 3 ? 1 : 0, rating: at === 3 ? 1 : null, version: 4, ...more,
  };
}

export const tickets = (view: string): object[] => {
  const all = titles.map((_, at) => brief(at));
  return view === "review" ? [all[3]!] : view === "overdue" ? [all[1]!] : view === "expert" ? [all[3]!, all[0]!] : all;
};
export const categories = [
  { id: "playback", name: "播放与网络", children: [{ id: "playback.cast", name: "投屏" }, { id: "playback.slow", name: "卡顿加载" }] },
  { id: "payment", name: "支付", children: [{ id: "payment.double", name: "重复扣款" }, { id: "payment.failed", name: "支付失败" }] },
  { id: "live", name: "直播", children: [{ id: "live.replay", name: "回放" }] },
  { id: "benefit", name: "权益", children: [{ id: "benefit.ads", name: "广告权益" }] },
  { id: "invoice", name: "发票", children: [{ id: "invoice.title", name: "发票抬头" }] },
  { id: "teen", name: "青少年模式", children: [{ id: "teen.password", name: "青少年密码" }] },
];

const event = (number: number, minutes: number, actor_name: string, kind: string, text: string, more: object = {}): object => ({ number, at: ago(minutes), actor: "staff", actor_name, kind, kind_text: text, text: "", old: null, new: null, ...more });
const said = (id: number, minutes: number, author: string, text: string, more: object = {}): object => ({
  id: `tm${id}`, seq: id, author, kind: "text", text, html: null, payload: {}, staff_name: author === "agent" ? "林夏" : null, delivery: author === "agent" ? "sent" : "none", at: ago(minutes), exchange: null, ...more,
});

export function ticketDetail(serial: string): object {
  const at = Math.max(0, 123 - Number(serial.slice(-6)));
  return {
    ...brief(at, { next_step: "技术确认电视端 4.2.1 是否受影响，并给出临时办法", next_step_at: ago(-180) }),
    description: "客户投屏到智能电视后一直转圈，昨晚 20:30 开始，家庭宽带 300 兆，其他应用正常。按文章重启、换网均无效。",
    fields: { device_model: "智能电视 65 英寸", system_version: "安卓 11", app_version: "电视端 4.2.1", network_kind: "家庭宽带", network_provider: "浙江宽带", city: "杭州", speed: "下载 286 Mbps" },
    solution: null, escalated_to: at === 3 ? "expert" : null, escalation_summary: at === 3 ? "权益已到账但广告仍播放，怀疑缓存未更新；客户已等两天，不满意重开。" : null,
    person_wanted_at: ago(58), first_received_at: ago(60), resolved_at: null, closed_at: null, close_ground: null,
    customer: {
      id: "u1", name: names[at % names.length], level: "vip", tags: ["电视端用户"], profile: {}, phone_masked: "138****2076", email_masked: "li***@mail.example",
      identities: [{ channel_kind: "web", external_masked: "user:80***21", proven: true }],
    },
    conversation_id: "c1", conversation_mode: "agent",
    events: [
      event(1, 60, "系统", "opened", "登记"), event(2, 58, "机器人", "person_wanted", "需要人工", { old: "一级自助", new: "二级人工" }),
      event(3, 55, "林夏", "confirmed", "确认接手", { old: "待处理", new: "处理中" }), event(4, 50, "林夏", "next_step", "设定下一步", { text: "技术确认电视端 4.2.1 是否受影响" }),
      event(5, 22, "何川", "changed", "修改", { old: "卡顿加载", new: "投屏" }), event(6, 7, "林夏", "note", "内部备注"),
    ],
    exchanges: [
      { id: "e1", at: ago(60), text: "投屏到电视一直转圈怎么办", intent: "faq", confidence: 0.72, decision: "answer", answered_by: "bot", latency_ms: 412, articles: [{ article_id: "cast", title: "投屏失败或一直加载怎么办", probability: 0.78 }] },
      { id: "e2", at: ago(59), text: "都试过了没用", intent: "report_problem", confidence: 0.86, decision: "form", answered_by: "bot", latency_ms: 388, articles: [{ article_id: "cast", title: "投屏失败或一直加载怎么办", probability: 0.44 }] },
      { id: "e3", at: ago(58), text: "能不能快点，真的很生气", intent: "complain", confidence: 0.91, decision: "person", answered_by: "system", latency_ms: 301, articles: [] },
      { id: "e4", at: ago(54), text: "投屏到电视以后还是一直转圈", intent: null, confidence: null, decision: "agent", answered_by: "agent", latency_ms: 61_000, articles: [] },
    ],
    messages: [
      said(1, 60, "customer", "投屏到电视一直转圈怎么办"), said(2, 60, "bot", "请确认手机和电视在同一个网络，再重新投屏。", { payload: { articles: [{ article_id: "cast", title: "投屏失败或一直加载怎么办" }] } }),
      said(3, 59, "customer", "都试过了没用"), said(4, 58, "customer", "能不能快点，真的很生气"), said(5, 55, "system", "客服 林夏 已接入", { kind: "notice" }),
      said(6, 54, "agent", "您好，我是林夏。已经看到您填的设备信息，我马上和技术同事确认这个版本。"), { ...said(7, 50, "agent", "技术回复：4.2.1 在部分安卓 11 电视上解码失败，4.2.2 今晚发布。", { kind: "note" }), seq: null },
      said(8, 8, "agent", "给您添麻烦了。这个版本确实有问题，新版今晚 20 点发布；在此之前可以先用电视自带浏览器观看。", { delivery: "failed", delivery_error_text: "对方网络未响应" }),
    ],
    surveys: at === 3 ? [{ round: 1, sent_at: ago(1500), answered_at: ago(1400), rating: 1, solved: false, text: "问题根本没解决就关了" }] : [],
    allowed: ["confirm", "wait-customer", "resolve", "escalate", "reopen", "review", "close", "next-step", "messages", "notes", "change"],
  };
}
