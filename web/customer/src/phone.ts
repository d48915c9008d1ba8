/** `/demo/wechat`, `/demo/weibo`: the phone of an invented customer, behind a local stand-in for the platform. */
import "@fontsource-variable/noto-sans-sc/index.css";
import "../../shared/tokens.css";
import "./styles/phone.css";
import { h } from "../../widget/src/components/dom";

interface Bubble {
  readonly number: number;
  readonly mine: boolean;
  readonly text: string;
  readonly choices: readonly { readonly id: string; readonly label: string }[];
}

const PEOPLE = ["小满", "未晚", "安澜"] as const;
const WAIT_S = 15;
const PAUSE_MS = 2000;

const kind = location.pathname.endsWith("weibo") ? "weibo" : "wechat";
const user = new URLSearchParams(location.search).get("user") ?? PEOPLE[0];
const words = kind === "weibo" ? { title: "微博顾客", name: "星屿视频", who: "私信" } : { title: "微信顾客", name: "星屿视频", who: "公众号" };

function element<Kind extends HTMLElement>(id: string): Kind {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found as Kind;
}

const talk = element("talk");
const trouble = element("trouble");
const text = element<HTMLTextAreaElement>("text");
let last = 0;

document.body.dataset["kind"] = kind;
document.title = `${words.title} · ${user}`;
element("title").textContent = words.title;
element("name").textContent = words.name;
element("who").textContent = `${words.who} · 我是${user}`;
for (const each of PEOPLE) {
  const link = h("a", { href: `${location.pathname}?user=${encodeURIComponent(each)}` }, each);
  if (each === user) link.setAttribute("aria-current", "page");
  element("others").append(link, " ");
}

function show(bubble: Bubble): void {
  if (bubble.number <= last) return;
  last = bubble.number;
  for (const old of talk.querySelectorAll<HTMLButtonElement>("button")) old.disabled = true;
  const item = h("li", { class: bubble.mine ? "bubble mine" : "bubble" }, h("p", {}, bubble.text));
  for (const choice of bubble.choices) {
    const button = h("button", { type: "button", class: "choice" }, choice.label);
    button.onclick = () => void send(choice.label, choice.id);
    item.append(button);
  }
  talk.append(item);
  item.scrollIntoView({ block: "end" });
}

async function send(said: string, choice: string | null): Promise<boolean> {
  trouble.textContent = "";
  try {
    const response = await fetch(`/demo/platform/${kind}/phone`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ user, text: said, choice }),
    });
    if (!response.ok) throw new Error(String(response.status));
    const { delivered } = (await response.json()) as { delivered: boolean };
    if (!delivered) trouble.textContent = "平台没有送达:该账号暂时无法提供服务,请稍后再试。";
    return true;
  } catch {
    trouble.textContent = "没有发出去,内容还在,请再试一次。";
    return false;
  }
}

async function sendPicture(file: File): Promise<void> {
  trouble.textContent = "";
  const form = new FormData();
  form.append("file", file, file.name);
  try {
    const response = await fetch(`/demo/platform/${kind}/picture?user=${encodeURIComponent(user)}`, { method: "POST", body: form });
    if (!response.ok) throw new Error(String(response.status));
  } catch {
    trouble.textContent = "图片没有发出去:请选一张 10 MB 以内的 PNG 或 JPEG,再试一次。";
  }
}

async function follow(): Promise<void> {
  for (;;) {
    try {
      const response = await fetch(`/demo/platform/${kind}/phone?user=${encodeURIComponent(user)}&after=${last}&wait_s=${WAIT_S}`);
      if (!response.ok) throw new Error(String(response.status));
      const { bubbles } = (await response.json()) as { bubbles: Bubble[] };
      bubbles.forEach(show);
    } catch {
      await new Promise((wake) => setTimeout(wake, PAUSE_MS));
    }
  }
}

async function submit(): Promise<void> {
  const said = text.value.trim();
  if (said === "") return;
  text.value = "";
  if (!(await send(said, null))) text.value = said;
}

const picture = element<HTMLInputElement>("picture");
element("pick").onclick = () => picture.click();
picture.onchange = () => {
  const file = picture.files?.[0];
  picture.value = "";
  if (file !== undefined) void sendPicture(file);
};

element<HTMLFormElement>("form").onsubmit = (event) => {
  event.preventDefault();
  void submit();
};
text.onkeydown = (event) => {
  // Enter that ends a word of an input method is not a wish to send.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
  event.preventDefault();
  void submit();
};
void follow();
