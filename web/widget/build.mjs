// Builds the widget: the file that is loaded on demand first, because the loader carries its hash; then the loader.
// A file above its limit fails the build: a guest on a stranger's page does not get fat.
import { createHash } from "node:crypto";
import { readFileSync, rmSync } from "node:fs";
import { resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "vite";

const LIMIT_BYTES = 30 * 1024;
const root = import.meta.dirname;
const outDir = resolve(root, "../dist/widget");

async function bundle(entry, fileName, format, define = {}) {
  await build({
    configFile: false,
    root,
    logLevel: "warn",
    define,
    build: {
      outDir,
      emptyOutDir: false,
      target: "es2022",
      modulePreload: { polyfill: false },
      lib: { entry: resolve(root, entry), formats: [format], name: "frontlineWidget", fileName: () => fileName },
    },
  });
  const path = resolve(outDir, fileName);
  const content = readFileSync(path);
  const packed = gzipSync(content, { level: 9 }).length;
  console.log(`${fileName}: ${(packed / 1024).toFixed(1)} KB gzipped of ${LIMIT_BYTES / 1024} KB`);
  if (packed > LIMIT_BYTES) {
    console.error(`${fileName} is too large by ${packed - LIMIT_BYTES} bytes.`);
    process.exitCode = 1;
  }
  return content;
}

rmSync(outDir, { recursive: true, force: true });
const more = await bundle("src/more/index.ts", "widget-more.js", "es");
const hash = createHash("sha256").update(more).digest("hex").slice(0, 12);
await bundle("src/main.ts", "widget.js", "iife", { __MORE_HASH__: JSON.stringify(hash) });
