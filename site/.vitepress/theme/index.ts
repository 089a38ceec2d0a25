import type { Theme } from "vitepress";
import DefaultTheme from "vitepress/theme";
import { defineAsyncComponent, h } from "vue";

/** Loaded on the home page alone. */
const Page = defineAsyncComponent(() => import("../../page/Page.vue"));

/** VitePress's theme, with site/page/ at the top of the home page. */
export default {
  extends: DefaultTheme,
  Layout: () => h(DefaultTheme.Layout, null, { "home-hero-before": () => h(Page) }),
} satisfies Theme;
