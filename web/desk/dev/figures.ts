const channels = [["web", 842], ["wechat", 214], ["weibo", 61], ["mail", 22]] as const;
export function overview(days: number): object {
  const perDay = Array.from({ length: days }, (_, at) => {
    const date = new Date(Date.now() - (days - 1 - at) * 86_400_000);
    const total = 130 + Math.round(30 * Math.sin(at)) + (date.getDay() === 0 ? 60 : 0);
    return { day: date.toISOString().slice(0, 10), total, by_tier: { "1": Math.round(total * 0.63), "2": Math.round(total * 0.32), "3": Math.round(total * 0.05) } };
  });
  return {
    days, per_day: perDay,
    per_channel: channels.map(([key, count]) => ({ key, name: { web: "网页", wechat: "微信", weibo: "微博", mail: "邮件" }[key], count })),
    per_state: [["new", 18], ["in_progress", 42], ["waiting_customer", 23], ["to_report", 9], ["resolved", 61], ["closed", 320], ["self_solved", 701]].map(([key, count]) => ({ key, count })),
    per_tier: [{ key: "1", name: "一级自助", count: 742 }, { key: "2", name: "二级人工", count: 361 }, { key: "3", name: "三级专家", count: 46 }],
    per_category: [["播放与网络", 302], ["支付", 241], ["账号", 198], ["订阅与续费", 133], ["直播", 92], ["发票", 61]].map(([name, count]) => ({ key: name, name, count })),
    ratings: [{ key: "4", count: 212 }, { key: "3", count: 96 }, { key: "2", count: 21 }, { key: "1", count: 14 }],
    hour_of_week: Array.from({ length: 7 }, (_, day) => Array.from({ length: 24 }, (_, hour) => Math.round((hour > 8 ? 6 : 1) + (hour > 18 && hour < 23 ? 6 : 0) + (day === 6 && (hour === 21 || hour === 22) ? 24 : 0)))),
    targets: { tier_1: 0.6, tier_2: 0.35, tier_3: 0.05, content: 0.92 },
  };
}
