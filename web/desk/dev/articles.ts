import { ago } from "./people.ts";

const rows = [
  ["pwd", "忘记密码怎么重设", "密码忘了登不上去怎么办", "账号", "published", 9], ["sms", "收不到短信验证码", "验证码一直收不到", "账号", "published", 7],
  ["device", "登录设备超过上限", "提示设备数量超限怎么办", "账号", "changed", 6], ["cast", "投屏失败或一直加载怎么办", "投屏到电视一直转圈", "播放与网络", "changed", 11],
  ["slow", "播放卡顿、缓冲慢", "看视频老是卡", "播放与网络", "published", 12], ["tv", "电视端卡顿、加载慢", "电视上打开很慢", "播放与网络", "published", 5],
  ["double", "自动续费重复扣款", "扣了两次钱", "支付", "published", 8], ["cancel", "怎样取消自动续费", "怎么关掉自动续费", "订阅与续费", "published", 10],
  ["refund", "会员退款规则", "会员能退吗", "退款与扣费", "published", 6], ["invoice", "开具电子发票", "怎么开发票", "发票", "published", 5],
  ["teen", "青少年模式忘记密码", "青少年模式密码忘了", "青少年模式", "draft", 4], ["replay", "直播回放在哪里看", "直播完了还能看吗", "直播", "published", 6],
] as const;
const answer = "请确认手机和电视在**同一个无线网络**,然后：\n\n1. 在播放页点右上角的投屏按钮\n2. 选择您的电视\n3. 如果找不到电视，重启电视端应用\n\n仍然失败时，请把电视型号和应用版本告诉我们。";
const html = "<p>请确认手机和电视在<strong>同一个无线网络</strong>,然后：</p><ol><li>在播放页点右上角的投屏按钮</li><li>选择您的电视</li><li>如果找不到电视，重启电视端应用</li></ol><p>仍然失败时，请把电视型号和应用版本告诉我们。</p>";

export function articles(query: URLSearchParams): object[] {
  const q = query.get("q") ?? "";
  return rows
    .filter((row) => (q === "" || row[1].includes(q) || row[2].includes(q)) && (!query.get("state") || row[4] === query.get("state")))
    .map(([id, title, question, area, state, variants_count], at) => ({ id, key: id, title, question, area, category_id: "playback.cast", state, variants_count, updated_at: ago(40 + at * 700), updated_by: "陆颖" }));
}
export function article(id: string): object {
  const [key, title, question, area, state] = rows.find((row) => row[0] === id) ?? rows[3];
  const draft = {
    revision: 6, title, question, answer, html,
    variants: ["投屏投不上去", "手机投电视一直加载", "电视投屏黑屏", "找不到电视设备", "投屏没声音", "投屏老断", "怎么投屏到电视", "投屏按钮点了没反应", "投屏一直转圈"],
  };
  return {
    id: key, key, area, category_id: "playback.cast", public: true, state, draft, updated_at: ago(40), updated_by: "陆颖",
    live: state === "draft" ? null : { ...draft, revision: 5, answer: "请确认手机和电视在同一个网络。", html: "<p>请确认手机和电视在同一个网络，再重新投屏。</p>", variants: draft.variants.slice(0, 6) },
    history: [6, 5, 4, 3].map((revision) => ({ revision, at: ago((7 - revision) * 900), by: revision % 2 ? "林夏" : "陆颖" })),
  };
}
export const preview = (markdown: string): object => ({ html, wechat: markdown.replaceAll("**", ""), weibo: markdown.replaceAll("**", "").slice(0, 280) });
export const tryOut = (text: string): { live: object; draft: object; warnings: object[] } => {
  const results = (first: number): object[] => [
    { article_id: "cast", title: "投屏失败或一直加载怎么办", question: "投屏到电视一直转圈", answer, score: 0.91, probability: first },
    { article_id: "tv", title: "电视端卡顿、加载慢", question: "电视上打开很慢", answer: "请先升级电视端应用。", score: 0.74, probability: 0.31 },
    { article_id: "slow", title: "播放卡顿、缓冲慢", question: "看视频老是卡", answer: "请切换清晰度后重试。", score: 0.61, probability: 0.12 },
  ];
  const sure = text.includes("投屏") ? 0.87 : 0.52;
  return {
    live: { release: "r18", decision: "ask", exact: false, lexical_only: false, results: results(sure - 0.29) },
    draft: { release: null, decision: sure > 0.7 ? "answer" : "ask", exact: false, lexical_only: false, results: results(sure) },
    warnings: [{ kind: "duplicate", article_id: "tv", title: "电视端卡顿、加载慢" }],
  };
};
const changed = (id: string, more: object = {}): object => ({ ...articles(new URLSearchParams()).find((row) => (row as { id: string }).id === id), ...more });
const words = (text: string): object => ({ revision: 0, title: "", question: "", variants: [], answer: text, html: "" });
export const changes = {
  added: [changed("teen")],
  changed: [
    changed("cast", { before: words("请确认手机和电视在同一个网络。\n再重新投屏。"), after: words("请确认手机和电视在**同一个无线网络**,然后：\n1. 在播放页点右上角的投屏按钮\n再重新投屏。") }),
    changed("device", { before: words("最多 5 台设备。"), after: words("最多 6 台设备。") }),
  ],
  removed: [], golden: { total: 150, passed: 148, failed: [{ question: "电视看不了直播", wanted: "直播打不开或黑屏", found: "投屏失败或一直加载怎么办" }, { question: "换手机会员还在吗", wanted: "换绑手机号", found: null }] },
};
export const releases = [18, 17, 16, 15].map((number, at) => ({
  id: `r${number}`, number, kind: at === 2 ? "rollback" : "publish", note: ["补充电视端说法", "退款规则更新", "", "新增发票文章"][at], at: ago(55 + at * 2900), by: at % 2 ? "林夏" : "陆颖", live: at === 0, articles: 64 - at,
}));
export const gaps = [
  ["车机上能不能看", 14, ["车机怎么登录", "汽车大屏能看吗", "车上能投屏吗"], "投屏失败或一直加载怎么办"], ["学生有没有优惠", 11, ["学生认证打折吗", "学生会员多少钱"], "怎样取消自动续费"],
  ["能不能调成方言配音", 7, ["有粤语版吗"], null], ["下载的视频能传到 U 盘吗", 5, ["离线视频导出"], "播放卡顿、缓冲慢"],
].map(([text, count, more, title], at) => ({
  texts: [text, ...(more as string[])], count, customers: Math.ceil(Number(count) * 0.8), last_at: ago(30 + at * 400),
  days: Array.from({ length: 30 }, (_, day) => (day * (at + 3)) % 5 === 0 ? Math.ceil(day / 9) : 0), nearest: title === null ? null : { article_id: "cast", title },
}));
