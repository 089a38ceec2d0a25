import { type Theme, withBase } from "vitepress";
import DefaultTheme from "vitepress/theme";
import { defineAsyncComponent, h } from "vue";

/** Loaded on the home page alone. It becomes alive in a task of its own, after the rest of the page. */
const Page = defineAsyncComponent({
  loader: () => import("../../page/Page.vue"),
  hydrate(hydrate) {
    const timer = setTimeout(hydrate);
    return () => clearTimeout(timer);
  },
});

/** VitePress's theme, with site/page/ at the top of the home page, and the component of the guide to <latent-flow>. */
export default {
  extends: DefaultTheme,
  enhanceApp({ app, router }) {
    // An error in a page's template ends the build; Vue would log it, and the page would lack what comes after.
    if (import.meta.env.SSR) app.config.throwUnhandledErrorInProduction = true;
    // The page of threads is cross-origin isolated, and could not start the workers of other pages: these are loaded anew.
    router.onBeforePageLoad = (to) => {
      if (!globalThis.navigator?.serviceWorker?.controller || to.startsWith(withBase("/threads/"))) return;
      location.reload();
      return false;
    };
    app.component(
      "ElementExample",
      defineAsyncComponent(() => import("../../page/element/ElementExample.vue")),
    );
  },
  Layout: () => h(DefaultTheme.Layout, null, { "home-hero-before": () => h(Page) }),
} satisfies Theme;
