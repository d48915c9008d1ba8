import { expect, it } from "vitest";
import { asPlainText } from "./markdown";
import { bytesInWords, isTooLarge } from "./files";

it("leaves the words of an article and drops its signs", () => {
  expect(asPlainText("## 重设密码\n\n1. 打开**设置**\n2. 点[忘记密码](/help/pwd)\n\n- 提示:`6 位`\n> 注意\n\n![图](/a.png)"))
    .toBe("重设密码\n\n1. 打开设置\n2. 点忘记密码(/help/pwd)\n\n· 提示:6 位\n注意\n\n[图]");
  expect(asPlainText("2 * 3 = 6")).toBe("2 * 3 = 6");
});

it("knows how large a file may be", () => {
  expect(isTooLarge({ type: "image/png", size: 11 * 1024 * 1024 })).toBe(true);
  expect(isTooLarge({ type: "video/mp4", size: 11 * 1024 * 1024 })).toBe(false);
  expect(bytesInWords(1536)).toBe("2 KB");
  expect(bytesInWords(3 * 1024 * 1024)).toBe("3.0 MB");
});
