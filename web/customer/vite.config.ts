import { resolve } from "node:path";
import { defineConfig } from "vite";

const page = (name: string) => resolve(import.meta.dirname, `${name}.html`);

// The gateway serves each page under its own address and every asset under /static/customer/.
export default defineConfig({
  root: import.meta.dirname,
  base: "/static/customer/",
  build: {
    outDir: resolve(import.meta.dirname, "../dist/customer"),
    emptyOutDir: true,
    target: "es2022",
    // A strict policy of content security allows neither data: fonts nor inline styles.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: {
      input: ["help", "ticket", "survey", "mine", "guest", "appeal", "feedback", "demo", "shop", "phone"].map(page),
    },
  },
});
