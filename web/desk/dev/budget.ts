/** What the first view of the inbox loads, compressed, has a limit; the build fails above it. Fonts come in slices as text needs them and do not count. */
import { gzipSync } from "node:zlib";
import type { Plugin } from "vite";

const LIMIT_KB = 350;
/** The heaviest page that somebody begins the day with. */
const FIRST_PAGE = "InboxPage";

export function firstLoad(): Plugin {
  return {
    name: "frontline-first-load",
    apply: "build",
    generateBundle(_options, bundle) {
      const wanted = new Set<string>();
      const add = (name: string): void => {
        const chunk = bundle[name];
        if (chunk?.type !== "chunk" || wanted.has(name)) return;
        wanted.add(name);
        chunk.imports.forEach(add);
      };
      for (const [name, file] of Object.entries(bundle)) {
        if (file.type === "chunk" && (file.isEntry || file.name === FIRST_PAGE)) add(name);
        if (file.type === "asset" && /(index|InboxPage)-[^/]*\.css$/.test(name)) wanted.add(name);
      }
      const bytes = [...wanted].reduce((sum, name) => {
        const file = bundle[name];
        return file === undefined ? sum : sum + gzipSync(file.type === "chunk" ? file.code : file.source).length;
      }, 0);
      const kilobytes = Math.round(bytes / 1024);
      if (kilobytes > LIMIT_KB) this.error(`The first load is ${kilobytes} KB compressed, the limit is ${LIMIT_KB} KB.`);
      this.info(`first load ${kilobytes} KB compressed (limit ${LIMIT_KB} KB)`);
    },
  };
}
