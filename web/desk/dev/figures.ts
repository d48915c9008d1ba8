/** Invented figures in the shape that the gateway tells. */
const channels = [["web", "网页", 842], ["wechat", "微信", 214], ["weibo", "微博", 61], ["mail", "邮件", 22]] as const;
const shares = (rows: readonly (readonly [string, string, number])[]): object[] => rows.map(([key, name, count]) => ({ key, name, count }));
const day = (back: number): string => new Date(Date.now() + 8 * 3_600_000 - back * 86_400_000).toISOString().slice(0, 10);

const FIGURES = [
  ["volume", "volume", "工单量", "count", "neither", 1139, null], ["tier_1_share", "volume", "一级自助占比", "share", "high", 0.652, 0.6],
  ["backlog", "volume", "积压", "count", "low", 73, null], ["answer_time", "speed", "首次响应时长", "seconds", "low", 21.4, 30],
  ["person_in_time", "speed", "人工首次响应及时率", "share", "high", 0.871, null], ["final_solution", "solving", "最终解决率", "share", "high", 0.913, 0.985],
  ["csat", "content", "满意度（CSAT）", "share", "high", 0.904, 0.9], ["nps", "content", "净推荐值（NPS）", "score", "high", null, null],
  ["containment", "self", "机器人拦截率", "share", "high", 0.612, 0.6], ["sla", "promise", "承诺达成率", "share", "high", 0.958, null],
] as const;

export const cut = [["payment", "支付组"], ["technical", "技术支持中心"], ["general", "综合"]].map(([key, name], at) => ({
  key, name, values: Object.fromEntries(FIGURES.map(([id, , , unit, , value]) => [id, value === null ? null : unit === "share" ? value - at * 0.04 : value / (at + 2)])),
}));
export const faults = ["杭州", "成都", "武汉"].flatMap((city, at) => ["电信", "移动"].map((provider, across) => ({ city, provider, device: "星帆 X5", app_version: "8.3.0", count: at + across === 0 ? 42 : 6 - at, people: 3 })));
export const choices = { channel: channels.map(([key, name]) => ({ key, name })), team: [], agent: [], category: [], merchant: [], live_room: [] };

export function overview(query: URLSearchParams): object {
  const days = Array.from({ length: 30 }, (_, at) => day(29 - at));
  return {
    period: { kind: query.get("period") ?? "custom", from: days[0], to: days.at(-1), before_from: day(59), before_to: day(30), bucket: "day" },
    counting: 0, made_at: new Date().toISOString(), buckets: days,
    figures: FIGURES.map(([id, group, name, unit, better, value, target]) => ({
      id, group, name, how: `${name}怎么算的，写在这里。`, unit, better, value, target, delivered_target: target, target_own: false, before: value === null ? null : value * 0.95,
      over: value === null ? 0 : unit === "share" ? Math.round(value * 1000) : value, of: unit === "share" ? 1000 : null,
      met: value === null || target === null ? null : better === "high" ? value >= target : value <= target,
      trend: days.map((_, at) => (value === null ? null : value * (1 + 0.1 * Math.sin(at)))),
    })),
    volume: days.map((bucket, at) => ({ bucket, tier_1: 24 + Math.round(6 * Math.sin(at)), tier_2: 12, tier_3: 2 })),
    shares: {
      channel: shares(channels),
      category: shares([["p", "技术/播放与网络", 302], ["f", "会员与支付/支付失败", 241], ["a", "技术/账号与登录", 198]]),
      team: shares([["t", "技术支持中心", 502], ["p", "支付组", 441]]),
      reason: shares([["w", "用户要求人工", 202], ["f", "机器人连续未能解答", 41]]),
    },
    hours: Array.from({ length: 7 }, (_, weekday) => Array.from({ length: 24 }, (_, hour) => (hour > 8 ? 6 : 1) + (weekday === 6 && (hour === 21 || hour === 22) ? 24 : 0))),
    funnel: [{ key: "matters", count: 1139 }, { key: "people", count: 407 }, { key: "tier_3", count: 46 }, { key: "top_asked", count: 3 }],
    endings: [{ key: "said_yes", count: 601 }, { key: "silent", count: 412 }, { key: "open", count: 126 }],
    questions: [["a1", "忘记密码怎么找回", 88, 0.9, 0.1, 70], ["a2", "会员没有到账怎么办", 61, 0.72, 0.28, 80]].map(([article_id, title, count, solved, people, before]) => ({ article_id, title, count, solved, people, before })),
  };
}
