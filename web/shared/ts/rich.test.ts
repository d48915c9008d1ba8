import { describe, expect, it } from "vitest";
import { fold, parseRich, plainText, safeAddress } from "./rich";

describe("rich text", () => {
  it("keeps the allowed tags and their text", () => {
    expect(parseRich('<p>先<strong>退出</strong>,再登录 &amp; 重试<br>好</p>')).toEqual([
      {
        tag: "p",
        attributes: {},
        children: [
          "先",
          { tag: "strong", attributes: {}, children: ["退出"] },
          ",再登录 & 重试",
          { tag: "br", attributes: {}, children: [] },
          "好",
        ],
      },
    ]);
  });

  it("drops scripts with their text and unknown tags without it", () => {
    expect(parseRich("<div>a<script>alert(1)</script><blink>b</blink></div>")).toEqual(["a", "b"]);
    expect(plainText(parseRich("<svg><a href='x'>no</a></svg>yes"))).toBe("yes");
  });

  it("keeps no attribute but a safe address", () => {
    const [link] = parseRich('<a href="javascript:alert(1)" onclick="x()" style="y">go</a>');
    expect(link).toEqual({ tag: "a", attributes: {}, children: ["go"] });
    const [image] = parseRich("<img src=/files/1.png onerror=alert(1) alt='图'>");
    expect(image).toEqual({ tag: "img", attributes: { src: "/files/1.png", alt: "图" }, children: [] });
  });

  it.each(["javascript:x", " JaVa\tScript:x", "data:text/html,x", "//evil.example", "vbscript:x", "java\u200bscript:x", "%6aavascript:x"])(
    "refuses the address %j",
    (address) => {
      expect(safeAddress(address, ["http:", "https:"])).toBeNull();
    },
  );

  it.each(["https://a.example/b?c=d", "/help/pwd", "help?q=a:b", "#top"])("accepts the address %j", (address) => {
    expect(safeAddress(address, ["http:", "https:"])).toBe(address);
  });

  it("reads a lone sign as a sign, and ends with any input", () => {
    expect(plainText(parseRich("1 < 2 <3 & 4"))).toBe("1 < 2 <3 & 4");
    for (const broken of ["<", "<p", "<p a", "<p a=", '<p a="', "</", "<!--", "<p =>x", "<a href='x", "<p///", "</p></p>"]) {
      expect(() => parseRich(broken)).not.toThrow();
    }
  });

  it("reads half a megabyte of opened tags quickly", () => {
    const begun = performance.now();
    parseRich("<p ".repeat(100_000));
    parseRich("<em>".repeat(2_000) + "x");
    expect(performance.now() - begun).toBeLessThan(2_000);
  });

  it("folds long steps under the short answer", () => {
    const steps = `<ol><li>${"打开设置,选择账号与安全。".repeat(6)}</li></ol>`;
    const parted = fold(parseRich(`<p>可以在登录页重设密码。</p>${steps}`));
    expect(plainText(parted.short)).toBe("可以在登录页重设密码。");
    expect(parted.rest).toHaveLength(1);
    expect(fold(parseRich("<p>短。</p><ol><li>一步</li></ol>")).rest).toEqual([]);
    expect(fold(parseRich(steps)).rest).toEqual([]);
  });
});
