import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vitest/config";

// Models are tested without a browser; a test that needs a document says so in its first line
// (`// @vitest-environment happy-dom`).
export default defineConfig({
  plugins: [vue()],
  test: {
    include: ["{shared,widget,customer,desk}/**/*.test.ts"],
    environment: "node",
  },
});
