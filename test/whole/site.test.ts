// run: first
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createMarkdownRenderer, type DefaultTheme, type MarkdownEnv } from "vitepress";
import config from "../../site/.vitepress/config.ts";
import { searchableHtml } from "../../site/.vitepress/searchable-html.ts";
import { buildSite } from "../support/vitepress.ts";

// The documentation site: its links, its anchors, and that VitePress builds it. TypeDoc's pages are left out: they take
// half a minute, and `npm run site`, which publishes the site, checks links to them.

const root = fileURLToPath(new URL("../..", import.meta.url));
const API = "site/reference/api/";

const pages = readdirSync(join(root, "site"), { recursive: true, encoding: "utf8" })
  .map((path) => `site/${path.replaceAll("\\", "/")}`)
  .filter((path) => path.endsWith(".md") && !path.startsWith(API) && !path.includes("/node_modules/"));
const files = [...pages, "README.md", "CHANGELOG.md", "SECURITY.md"];

const markdown = await createMarkdownRenderer(join(root, "site"), { highlight: (code) => code });

/** A page's text, with the file that it includes, or its lines from one on, in place of the directive. */
function textOf(file: string): string {
  const directive = /<!--@include: ([^\s{]+?)(?:\{(\d+),\})?-->/g;
  return readFileSync(join(root, file), "utf8").replace(directive, (_, included, first = "1") => {
    const lines = readFileSync(join(root, dirname(file), included), "utf8").split("\n");
    return lines.slice(Number(first) - 1).join("\n");
  });
}

function htmlOf(file: string, text: string): string {
  const env: MarkdownEnv = { path: join(root, file), relativePath: relative("site", file), cleanUrls: false };
  return markdown.render(text, env);
}

const attributes = (html: string, name: RegExp) => [...html.matchAll(name)].map(([, value]) => value!);
const anchorsOf = (html: string) => new Set(attributes(html, /\sid=["']([^"']+)["']/g));

const htmls = new Map(files.map((file) => [file, htmlOf(file, textOf(file))]));
const anchors = new Map(files.map((file) => [file, anchorsOf(htmls.get(file)!)]));

/** The file that VitePress's address of it is made from: "a.md" of "a.html", "a/index.md" of "a/", LICENSE of "LICENSE.html". */
function sourceOf(path: string): string {
  const name = path.replace(/\.html$/, "");
  return (
    [`${name}.md`, `${path.replace(/\/$/, "")}/index.md`].find((each) => existsSync(join(root, each))) ?? name
  );
}

/** Links and pictures of a file, or of other HTML at its place, that lead nowhere, each with the reason. */
function broken(file: string, html = htmls.get(file)!): string[] {
  const own = anchorsOf(html);
  // A picture may lie elsewhere in the repository: Vite copies it into the site.
  const pictures = attributes(html, /<img\s[^>]*?src="([^"]+)"/g).filter((path) => !/^[a-z]+:/.test(path));
  const lost = pictures.filter((path) => !existsSync(join(root, dirname(file), decodeURI(path))));
  const links = attributes(html, /<a\s[^>]*?href="([^"]+)"/g).map(decodeURI);
  return [
    ...links.map((link) => problemOf(file, link, own)),
    ...lost.map((path) => `${file} has no picture ${path}`),
  ].filter((problem) => problem !== undefined);
}

/** Reason why a link of a file, whose own anchors are given, leads nowhere; undefined if it leads somewhere. */
function problemOf(file: string, link: string, own: ReadonlySet<string>): string | undefined {
  const [path = "", anchor] = link.split("#");
  if (/^[a-z]+:/.test(path)) return undefined;
  const folder = path.startsWith("/") ? "site" : dirname(file);
  const target = path === "" ? file : sourceOf(join(folder, path).replaceAll("\\", "/"));
  if (target.startsWith(API)) return undefined;
  if (file.startsWith("site/") && !target.startsWith("site/"))
    return `${file} leads out of the site, to ${target}`;
  if (!existsSync(join(root, target))) return `${file} leads to ${target}, where there is nothing`;
  const known = target === file ? own : anchors.get(target);
  return anchor === undefined || known?.has(anchor) ? undefined : `${file}: ${target} has no #${anchor}`;
}

test("all links, anchors and pictures of the site, README, CHANGELOG and SECURITY lead somewhere", () => {
  // A page that includes a root file has that file's links, which VitePress's configuration moves.
  const included = new Set(["site/project/changelog.md", "site/project/security.md"]);
  assert.equal(
    files.filter((file) => !included.has(file)).flatMap((file) => broken(file)),
    [],
  );
  assert.ok(files.flatMap((file) => [...anchors.get(file)!]).length > 200, "headings have anchors");
});

test("a link, an anchor and a picture that lead nowhere are found", () => {
  const file = "site/guides/large-runs.md";
  for (const [link, message] of [
    ["[x](nowhere.md)", /guides\/nowhere, where there is nothing/],
    ["[x](where-it-runs.md#nowhere)", /where-it-runs\.md has no #nowhere/],
    ["[x](#nowhere)", /large-runs\.md has no #nowhere/],
    ["[x](../../LICENSE)", /out of the site, to LICENSE/],
    ["![x](nowhere.png)", /has no picture \.\/nowhere\.png/],
  ] as const) {
    const found = broken(file, htmlOf(file, `${textOf(file)}\n\n${link}\n`));
    assert.is(found.length, 1, found.join("\n"));
    assert.match(found[0]!, message);
  }
  assert.equal(broken(file, htmlOf(file, "## Some heading\n\n[x](#some-heading), [y](priors.md)\n")), []);
});

test("the sidebar and the home page lead to pages", () => {
  const { nav, sidebar } = config.themeConfig as DefaultTheme.Config;
  const linksOf = (items: readonly DefaultTheme.SidebarItem[]): string[] =>
    items.flatMap(({ link, items: below = [] }) => [...(link ? [link] : []), ...linksOf(below)]);
  const home = [...textOf("site/index.md").matchAll(/^\s+link: (\S+)$/gm)].map(([, link]) => link!);
  const links = [...linksOf([...(nav as []), ...(sidebar as [])]), ...home];
  assert.ok(links.length > 40, `${links.length} links`);
  const problems = links.map((link) => problemOf("site/index.md", link, anchors.get("site/index.md")!));
  assert.equal(
    problems.filter((problem) => problem !== undefined),
    [],
  );
});

test("the search knows pages by words that they do not use", () => {
  for (const [word, page] of [
    ["impute", "tables"],
    ["NaN", "missing-data"],
    ["VAE", "priors"],
    ["Poisson loss", "solvers"],
  ] as const) {
    const env: MarkdownEnv = { path: "", relativePath: `guides/${page}.md`, cleanUrls: false };
    const html = markdown.render(textOf(`site/guides/${page}.md`), env);
    assert.match(searchableHtml(html, env.frontmatter), new RegExp(`<h2>${word} <a href="#keyword-`));
    assert.is(searchableHtml(html, { search: false }), "");
  }
});

// Without the scripts of the pages, which take half of the time: those of the two pages that have any are built, and run,
// by the tests of these pages.
test("VitePress builds the site", () => {
  const folder = mkdtempSync(join(tmpdir(), "latentflow-site-"));
  try {
    buildSite(folder, { LATENTFLOW_SITE_WITHOUT_API: "1" }, "--mpa");
    const missing = pages.filter(
      (page) => !existsSync(join(folder, `${page.slice("site/".length, -3)}.html`)),
    );
    assert.equal(missing, [], "pages that were not built");
    // A root file's links to the site are links of the site.
    const changelog = readFileSync(join(folder, "project/changelog.html"), "utf8");
    assert.not.match(changelog, /href="[^"]*site\//);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.run();
