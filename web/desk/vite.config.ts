import vue from "@vitejs/plugin-vue";
import { resolve } from "node:path";
import { defineConfig } from "vite";
import { firstLoad } from "./dev/budget.ts";
import { mockGateway } from "./dev/plugin.ts";

// The gateway serves index.html under /desk/… and every asset under /static/desk/.
// With FRONTLINE_GATEWAY set, the development server hands calls on to a running gateway; without it an invented one answers.
const gateway = process.env["FRONTLINE_GATEWAY"];

export default defineConfig(({ command, isPreview }) => ({
  root: import.meta.dirname,
  base: command === "serve" && isPreview !== true ? "/" : "/static/desk/",
  plugins: [vue(), firstLoad(), ...(command === "serve" && gateway === undefined ? [mockGateway()] : [])],
  define: {
    __VUE_I18N_FULL_INSTALL__: "false",
    __VUE_I18N_LEGACY_API__: "false",
    __INTLIFY_PROD_DEVTOOLS__: "false",
    __INTLIFY_DROP_MESSAGE_COMPILER__: "false",
    __VUE_PROD_DEVTOOLS__: "false",
  },
  server: gateway === undefined ? {} : { proxy: { "/api": { target: gateway, ws: true }, "/files": { target: gateway } } },
  build: {
    outDir: resolve(import.meta.dirname, "../dist/desk"),
    emptyOutDir: true,
    target: "es2022",
    // A strict policy of content security allows neither data: addresses nor inline styles.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
  },
}));
