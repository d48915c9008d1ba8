import js from "@eslint/js";
import vue from "eslint-plugin-vue";
import globals from "globals";
import ts from "typescript-eslint";
import vueParser from "vue-eslint-parser";

// Text from outside reaches a page as text, or through the one builder of rich text.
const noRawHtml = ["innerHTML", "outerHTML", "insertAdjacentHTML", "srcdoc"].map((property) => ({
  property,
  message: "Use shared/ts/rich.ts for rich text and textContent for the rest.",
}));

export default ts.config(
  { ignores: ["dist/", "node_modules/", ".vitest/", "**/*.d.ts"] },
  js.configs.recommended,
  ...ts.configs.recommendedTypeChecked,
  ...vue.configs["flat/recommended"],
  {
    languageOptions: {
      globals: globals.browser,
      parser: vueParser,
      parserOptions: {
        parser: ts.parser,
        project: ["./tsconfig.json", "./desk/tsconfig.json"],
        tsconfigRootDir: import.meta.dirname,
        extraFileExtensions: [".vue"],
        sourceType: "module",
      },
    },
    rules: {
      eqeqeq: "error",
      "no-console": "error",
      "no-restricted-properties": ["error", ...noRawHtml],
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/no-misused-promises": ["error", { checksVoidReturn: false }],
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
      // The compiler knows the globals; eslint's own list does not know types.
      "no-undef": "off",
      "vue/no-v-html": "error",
      "vue/multi-word-component-names": "off",
      // Layout of templates is a matter of taste that nobody should wait for.
      "vue/max-attributes-per-line": "off",
      "vue/singleline-html-element-content-newline": "off",
      "vue/html-self-closing": "off",
      "vue/attributes-order": "off",
      "vue/html-indent": "off",
      "vue/html-closing-bracket-newline": "off",
      "vue/multiline-html-element-content-newline": "off",
      "vue/first-attribute-linebreak": "off",
      "vue/require-default-prop": "off",
    },
  },
  {
    // vue-tsc sees through the imports of .vue files; here they have no type, and every use of one would be "unsafe".
    files: ["desk/**"],
    rules: {
      "@typescript-eslint/no-unsafe-argument": "off",
      "@typescript-eslint/no-unsafe-assignment": "off",
      "@typescript-eslint/no-unsafe-call": "off",
      "@typescript-eslint/no-unsafe-member-access": "off",
      "@typescript-eslint/no-unsafe-return": "off",
    },
  },
  {
    files: ["**/*.mjs", "**/*.js"],
    ...ts.configs.disableTypeChecked,
    languageOptions: { globals: globals.node, parserOptions: { project: false } },
    rules: { ...ts.configs.disableTypeChecked.rules, "no-console": "off" },
  },
);
