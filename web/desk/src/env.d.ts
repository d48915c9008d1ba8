/// <reference types="vite/client" />

// For tools that do not read single-file components; vue-tsc knows their true types.
declare module "*.vue" {
  import type { Component } from "vue";

  const component: Component;
  export default component;
}
