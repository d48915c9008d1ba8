/** The few lines that stand for a framework: make an element, fill it, draw a sign. Text only ever enters as text. */

export type Child = Node | string | null | undefined | false;

type Handler = (event: never) => void;
export type Props = Readonly<Record<string, string | number | boolean | null | undefined | Handler>>;

/** `on…` props are listeners, `class` and the rest are attributes; false, null and undefined leave an attribute out. */
export function h<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  props: Props = {},
  ...children: Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  setProps(element, props);
  fill(element, ...children);
  return element;
}

export function setProps(element: Element, props: Props): void {
  for (const [name, value] of Object.entries(props)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value as EventListener);
    else if (value === false || value === null || value === undefined) element.removeAttribute(name);
    else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value === true ? "" : String(value));
  }
}

/** Replace the content. */
export function fill(element: Element, ...children: Child[]): void {
  element.replaceChildren(...children.filter((child): child is Node | string => child !== null && child !== undefined && child !== false));
}

/** Set text only when it differs: screen readers announce what is set, changed or not. */
export function say(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

const SIGNS = {
  chat: "M4 5.5A2.5 2.5 0 0 1 6.5 3h11A2.5 2.5 0 0 1 20 5.5v8a2.5 2.5 0 0 1-2.5 2.5H11l-4.5 4v-4A2.5 2.5 0 0 1 4 13.5z",
  down: "m6 9 6 6 6-6",
  close: "M6 6l12 12M18 6 6 18",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  send: "M4 12 20 4l-5 16-4-6.5zM11 13.5 20 4",
  picture: "M4 6.5A1.5 1.5 0 0 1 5.500 5h13A1.5 1.5 0 0 1 20 6.500v11a1.500 1.500 0 0 1-1.500 1.500h-13A1.500 1.500 0 0 1 4 17.500zM4 16l4.500-4.500 4 4 2.500-2.500L20 17M15 9.500h.01",
  person: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.500 20c.8-3.600 3.700-5.500 7.500-5.500s6.700 1.900 7.500 5.500",
  up: "M7 10.500v9M7 19.500H4.500v-9H7l4-7c1.500 0 2.500 1 2.500 2.500V9h4.700a1.800 1.800 0 0 1 1.800 2.200l-1.500 6.800a2 2 0 0 1-2 1.500z",
  notUp: "M17 13.500v-9M17 4.500h2.500v9H17l-4 7c-1.500 0-2.500-1-2.500-2.500V15H5.800A1.800 1.800 0 0 1 4 12.800L5.500 6a2 2 0 0 1 2-1.500z",
  play: "M8 5.500v13l11-6.500z",
  file: "M7 3.500h7l4 4v13H7zM14 3.500v4h4",
  back: "m15 6-6 6 6 6",
  clock: "M12 20.500a8.500 8.500 0 1 0 0-17 8.500 8.500 0 0 0 0 17zM12 7.500V12l3 2",
  warn: "M12 4 2.800 19.500h18.400zM12 10v4.500M12 17h.01",
  check: "m5 12.500 4.500 4.500L19 7.500",
  book: "M5 4.500h10.500A2.500 2.500 0 0 1 18 7v13H7.500A2.500 2.500 0 0 1 5 17.500zM5 17.500A2.500 2.500 0 0 1 7.500 15H18",
} as const;

export type Sign = keyof typeof SIGNS | `face${1 | 2 | 3 | 4}`;

const MOUTHS = { 1: "M8.500 16.500c1.800-2 5.200-2 7 0", 2: "M8.500 15.500h7", 3: "M8.500 14.500c1.800 2 5.200 2 7 0", 4: "M7.500 13.500c1.500 4 7.500 4 9 0z" } as const;
const FACE = "M12 20.500a8.500 8.500 0 1 0 0-17 8.500 8.500 0 0 0 0 17zM9 10h.01M15 10h.01";

export function sign(name: Sign, size = 20): SVGElement {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  const face = /^face([1-4])$/.exec(name)?.[1];
  path.setAttribute("d", face === undefined ? SIGNS[name as keyof typeof SIGNS] : FACE + MOUTHS[Number(face) as 1 | 2 | 3 | 4]);
  if (name === "more") path.setAttribute("stroke-width", "2.6");
  setProps(svg, { viewBox: "0 0 24 24", width: size, height: size, "aria-hidden": "true", class: "sign" });
  svg.append(path);
  return svg;
}

/** A style sheet that needs no permission from the site's policy. */
export function sheet(css: string): CSSStyleSheet {
  const made = new CSSStyleSheet();
  made.replaceSync(css);
  return made;
}
