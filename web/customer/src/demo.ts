/** `/demo`: the ways into the demo. Each log-in opens in a tab of its own, and nobody is logged out by it. */
import "@fontsource-variable/noto-sans-sc/index.css";
import "../../shared/tokens.css";
import "../../widget/src/styles/controls.css";
import "./styles/page.css";
import "./styles/demo.css";
import { fill, h, say, sign, type Sign } from "../../widget/src/components/dom";
import { demoInfo, demoLogIn, type DemoInfo } from "./api";

interface Place {
  readonly sign: Sign;
  readonly title: string;
  readonly text: string;
  readonly address: string | null;
}

const ROLE_TEXTS: Readonly<Record<string, string>> = {
  agent: "接待排队的顾客，写工单",
  expert: "处理疑难和不满意的工单",
  supervisor: "看大盘、看复核名单、派单",
  editor: "改文章、试问机器人、发布",
  admin: "账号、渠道、设置",
};

const complaint = document.querySelector<HTMLElement>("#trouble");

function places(info: DemoInfo): Place[] {
  return [
    { sign: "play", title: "星屿视频网站", text: "带在线客服的顾客网站", address: info.shop_url },
    { sign: "chat", title: "微信顾客", text: "手机样子的微信对话", address: info.wechat_url },
    { sign: "chat", title: "微博顾客", text: "手机样子的微博私信", address: info.weibo_url },
    { sign: "book", title: "帮助中心", text: "搜索和浏览帮助文章", address: "/help" },
  ];
}

function placeCard(place: Place): HTMLElement {
  return h(
    "a",
    { class: "demo-card", href: place.address ?? "", target: "_blank", rel: "noopener" },
    h("span", { class: "demo-sign" }, sign(place.sign, 22)),
    h("span", { class: "demo-words" }, h("strong", {}, place.title), h("span", {}, place.text)),
  );
}

function roleCard(role: DemoInfo["roles"][number]): HTMLElement {
  const button = h("button", { class: "demo-card", type: "button" }, h("span", { class: "demo-sign" }, sign("person", 22)));
  button.append(
    h("span", { class: "demo-words" }, h("strong", {}, role.title), h("span", {}, ROLE_TEXTS[role.role] ?? ""), h("small", {}, role.names.slice(0, 3).join("、"))),
  );
  button.onclick = () => void logIn(role.role);
  return button;
}

/** The tab is opened before the answer is there: a later one would be stopped as a pop-up. */
async function logIn(role: string): Promise<void> {
  const tab = window.open("about:blank", "_blank");
  if (complaint !== null) say(complaint, "");
  try {
    const address = await demoLogIn(role);
    if (tab === null) location.href = address;
    else tab.location.href = new URL(address, location.origin).href;
  } catch {
    tab?.close();
    if (complaint !== null) say(complaint, "登录没有成功，请稍后再试一次。");
  }
}

async function show(): Promise<void> {
  const placesPart = document.querySelector<HTMLElement>("#places");
  const rolesPart = document.querySelector<HTMLElement>("#roles");
  if (placesPart === null || rolesPart === null) return;
  let info: DemoInfo;
  try {
    info = await demoInfo();
  } catch {
    fill(rolesPart, h("button", { class: "small", type: "button", onclick: () => void show() }, "再试一次"));
    if (complaint !== null) say(complaint, "演示数据没有加载出来，系统可能还在启动。");
    return;
  }
  if (complaint !== null) say(complaint, "");
  fill(placesPart, ...places(info).filter((place) => place.address !== null).map(placeCard));
  fill(rolesPart, ...info.roles.map(roleCard));
}

void show();
