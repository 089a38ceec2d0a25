import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { DefaultTheme, MarkdownEnv } from "vitepress";
import { defineConfig } from "vitepress";
import { searchableHtml } from "./searchable-html.ts";

// The documentation site: `npm run site` builds it into build/site/, `npm run site:serve` shows it. `-- --base /path/`
// is for a site that does not lie at the root of its host.

const api = new URL("../reference/api/typedoc-sidebar.json", import.meta.url);

/** True if the site has the API's pages: once TypeDoc has written them from the docstrings, unless a test leaves them out. */
const hasApi = existsSync(api) && !process.env.LATENTFLOW_SITE_WITHOUT_API;
const apiItems: DefaultTheme.SidebarItem[] = hasApi ? JSON.parse(readFileSync(api, "utf8")) : [];

/** True for the three pages that compute alone, which tests of them build in a fraction of the time of the site. */
const isHomeAlone = process.env.LATENTFLOW_SITE_HOME_ALONE !== undefined;

const page = (text: string, link: string): DefaultTheme.SidebarItem => ({ text, link });

const sidebar: DefaultTheme.SidebarItem[] = [
  {
    text: "Start",
    items: [
      page("In the browser", "/start/browser"),
      page("In Node", "/start/node"),
      page("From PyTorch to the browser", "/start/pytorch"),
      page("How it works", "/how-it-works"),
      page("Limits", "/limits"),
    ],
  },
  {
    text: "Guides",
    items: [
      page("Missing and noisy data", "/guides/missing-data"),
      page("Fill a table", "/guides/tables"),
      page("Pictures in and out", "/guides/pictures"),
      page("Bring a decoder", "/guides/decoders"),
      page("Build a decoder", "/guides/own-decoders"),
      page("Solvers and statuses", "/guides/solvers"),
      page("A solver of your own", "/guides/own-solvers"),
      page("Priors", "/guides/priors"),
      page("Train with few samples", "/guides/training"),
      page("Threads", "/guides/threads"),
      page("Threads at work", "/threads/"),
      page("Where it runs", "/guides/where-it-runs"),
      page("React and Next", "/guides/react"),
      page("WebGPU", "/guides/webgpu"),
      page("Streams and large runs", "/guides/large-runs"),
      page("Notebooks", "/guides/notebooks"),
      page("Embed it in a page", "/guides/embed"),
    ],
  },
  {
    text: "Reference",
    items: [
      { text: "API", link: "/reference/api/", collapsed: true, items: apiItems },
      page("Command line", "/reference/command-line"),
      page("ONNX operators", "/reference/onnx-operators"),
      page("Public decoders", "/reference/public-decoders"),
      page("Environments tried", "/reference/tried"),
      page("Words", "/reference/words"),
    ],
  },
  {
    text: "Performance",
    collapsed: true,
    items: [
      page("How fast it is", "/performance/"),
      page("Beside peers", "/performance/peers"),
      page("Convolutions", "/performance/convolutions"),
      page("The core", "/performance/core"),
    ],
  },
  {
    text: "Results",
    collapsed: true,
    items: [
      page("The paper", "/paper/"),
      page("Figure 1", "/paper/figure1"),
      page("Figure 2, left", "/paper/figure2-left"),
      page("Figure 2, right", "/paper/figure2-right"),
      page("Figure 3", "/paper/figure3"),
      page("Table 1, left", "/paper/table1-left"),
      page("Table 1, right", "/paper/table1-right"),
      page("The authors' code", "/paper/authors-code"),
      page("Stiffness", "/paper/stiffness"),
      page("Little data", "/paper/frontier"),
      page("Encoders and data", "/paper/encoder-gap"),
      page("Slips in the print", "/paper/slips"),
      page("Experiments", "/results/experiments"),
      page("What codes are good for", "/results/usefulness"),
      page("Super-resolution", "/results/super-resolution"),
      page("A typeface from three letters", "/results/typefaces"),
    ],
  },
  {
    text: "The project",
    collapsed: true,
    items: [
      page("Design", "/project/design"),
      page("Security", "/project/security"),
      page("Licences and data", "/project/licences"),
      page("Changelog", "/project/changelog"),
    ],
  },
];

/** Pages that show a file of the repository's root, whose links start there. */
const includesOfRoot = ["project/changelog.md", "project/security.md"];

/** The package's entries, from which the page of site/page/ imports what a reader's page would: build/lib/ as it is published. */
const { exports: entries } = JSON.parse(
  readFileSync(new URL("../../package.json", import.meta.url), "utf8"),
) as { exports: Record<string, { default: string }> };

function aliasOf(entry: string) {
  const file = entries[`.${entry}`]!.default;
  return {
    find: new RegExp(`^latentflow${entry}$`),
    replacement: fileURLToPath(new URL(`../../${file}`, import.meta.url)),
  };
}

/** The path of a code to its place within a contour. In the pages themselves, since its address would have to know `--base`. */
const ICON =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" fill="none" stroke="#3451b2" stroke-width="3">' +
  '<circle cx="19" cy="13" r="10.5"/><path d="M3 29 C8 26 9 19 19 13" stroke-linecap="round"/>' +
  '<circle cx="19" cy="13" r="3" fill="#3451b2"/></svg>';

export default defineConfig({
  title: "latentflow",
  description: "Finds the latent code of your data with a decoder alone, in Node and in the browser",
  lang: "en",
  head: [["link", { rel: "icon", href: `data:image/svg+xml,${encodeURIComponent(ICON)}` }]],
  outDir: "../build/site",
  cacheDir: "../build/site-cache",
  lastUpdated: false,
  srcExclude: isHomeAlone
    ? ["!(threads)/**/*.md", "!(index|typeface).md"]
    : hasApi
      ? []
      : ["reference/api/**"],
  ignoreDeadLinks: isHomeAlone || (hasApi ? false : [/reference\/api\//]),
  vite: {
    resolve: { alias: ["", "/train", "/graph", "/onnx", "/images", "/data", "/worker"].map(aliasOf) },
    worker: {
      format: "es",
      rollupOptions: {
        output: {
          // The service worker of the page of threads adds headers to the files of its own folder.
          entryFileNames: ({ name }) =>
            `${name === "latentflow-worker" ? "threads" : "assets"}/${name}-[hash].js`,
        },
      },
    },
  },
  vue: { template: { compilerOptions: { isCustomElement: (tag) => tag === "latent-flow" } } },
  markdown: {
    // Equations between dollars, as GitHub reads them: SVG in the page, without a script.
    math: true,
    config(md) {
      // VitePress dresses fences alone; without that a long command is wider than the page.
      md.renderer.rules.code_block = (tokens, index, options, env, self) => {
        tokens[index]!.info = "sh";
        return md.renderer.rules.fence!(tokens, index, options, env, self);
      };
      const before = md.renderer.rules.link_open;
      md.renderer.rules.link_open = (tokens, index, options, env: MarkdownEnv, self) => {
        const token = tokens[index]!;
        const href = token.attrGet("href");
        if (href?.startsWith("site/") && includesOfRoot.includes(env.relativePath)) {
          token.attrSet("href", `/${href.slice("site/".length)}`);
        }
        return before ? before(tokens, index, options, env, self) : self.renderToken(tokens, index, options);
      };
    },
  },
  themeConfig: {
    search: {
      provider: "local",
      options: {
        _render: (source, env, md) => searchableHtml(md.render(source, env), env.frontmatter),
      },
    },
    outline: [2, 3],
    nav: [
      { text: "Start", link: "/start/browser" },
      { text: "Guides", link: "/guides/missing-data" },
      { text: "API", link: "/reference/api/" },
      { text: "A typeface", link: "/typeface" },
      { text: "The paper", link: "/paper/" },
    ],
    sidebar,
  },
});
