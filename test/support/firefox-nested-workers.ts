// Shows that Firefox stands still now and then in a page that has nothing of the package: a module worker that starts
// another never comes back from `new Worker`, and its timers stand still. Several at once, beside other work, show it
// soonest:
//
//   node --import tsx test/support/firefox-nested-workers.ts 200
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { launchFirefox, newPage, textOf } from "./browsers.ts";

const count = Number(process.argv[2] ?? 100);
const nested = `import "./padding.js"; self.postMessage("ready"); self.onmessage = () => self.postMessage("echo");`;
const outer = `import "./padding.js";
setInterval(() => self.postMessage("tick"), 200);
self.postMessage("starting a worker");
const worker = new Worker("nested.js", { type: "module" });
self.postMessage("started");
await new Promise((resolve) => { worker.onmessage = resolve; });
worker.postMessage("");
await new Promise((resolve) => { worker.onmessage = resolve; });
self.postMessage("done");`;
const main = `const stage = document.querySelector("p");
const worker = new Worker("outer.js", { type: "module" });
const said = [];
await new Promise((resolve) => {
  worker.onmessage = ({ data }) => {
    said.push(data);
    stage.textContent = said.slice(-4).join(", ");
    if (data === "done") resolve();
  };
});
worker.terminate();
document.body.append(Object.assign(document.createElement("pre"), { id: "report", textContent: "done" }));`;
const page = `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><body><p></p><script type="module">${main}</script>`;
const scripts: Readonly<Record<string, string>> = {
  "/outer.js": outer,
  "/nested.js": nested,
  "/padding.js": "// As long as a library.\n".repeat(4000),
};

const server = createServer(({ url }, response) => {
  const script = scripts[url ?? ""];
  response.setHeader("content-type", script === undefined ? "text/html" : "text/javascript");
  response.setHeader("cache-control", "no-store").end(script ?? page);
});
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
const { port } = server.address() as AddressInfo;
const browser = await launchFirefox();
let stoodStill = 0;
for (let i = 0; i < count; i++) {
  const tab = await newPage(browser);
  await tab.goto(`http://127.0.0.1:${port}/`);
  try {
    await textOf(tab, "#report", 45_000);
  } catch (error) {
    stoodStill++;
    console.log(`page ${i}: ${(error as Error).message.replace(/<script[\s\S]*/, "…")}`);
  }
  await tab.close();
}
console.log(`${await browser.version()}: ${stoodStill} of ${count} pages stood still`);
await browser.close();
server.close();
