// npm run bench:backends: what the benchmark page measures, without a browser. Node has WebGPU through Dawn, which takes
// the first GPU that the machine's Vulkan, Metal or Direct3D driver offers.
import { fork } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { init } from "echarts";
import { availableBackends, webgpu } from "../src/backend/webgpu/index.ts";
import { startDawn } from "./dawn.ts";
import { type Channel, runBenchmark } from "./page/benchmark.ts";
import { chartOption } from "./page/chart.ts";
import { type Environment, makeReport, type Report, toMarkdown } from "./page/report.ts";
import type { Reply } from "./page/responder.ts";
import { defaultSettings, type GivenSettings, readSettings } from "./page/settings.ts";

const program = new Command("bench:backends")
  .description("WASM against WebGPU: the same samples, decoders and solvers on both")
  .option("--sizes <list>", "batch sizes, as 1,16,256")
  .option("--decoders <list>", "some of mlp (the paper's), mlp4 (four times as wide), dcgan")
  .option("--solvers <list>", "lbfgs, amd, or both as lbfgs,amd")
  .option("--steps <n>", "accepted steps at most")
  .option("--rounds <n>", "calls of which the median counts")
  .option("--limit <seconds>", "longer calls are left out")
  .option("--out <folder>", "where JSON, Markdown and the chart go", join("out", "backends"))
  .parse();
const { out, ...given } = program.opts<GivenSettings & { out: string }>();

const environment = await findEnvironment();
const settings = readSettings(given, defaultSettings(environment.adapterIsSoftware));
const controller = new AbortController();
process.once("SIGINT", () => controller.abort());
const { starts, rows, absences } = await runBenchmark(settings, openChild, {
  signal: controller.signal,
  onProgress: ({ done, total, current }) => console.error(`${done}/${total}  ${current}`),
});
const complete = !controller.signal.aborted;
writeReport(makeReport({ environment, settings, complete, starts, rows, absences }));
// Dawn keeps the process alive.
process.exit();

async function findEnvironment(): Promise<Environment> {
  startDawn();
  const [gpu] = await availableBackends([webgpu()]);
  const { available = false, adapter } = gpu ?? {};
  return {
    runtime: `Node ${process.version}, Dawn`,
    cores: availableParallelism(),
    adapter,
    adapterIsSoftware: !available && adapter !== undefined,
  };
}

/** A process to measure in. */
function openChild(): Channel {
  const child = fork(fileURLToPath(new URL("./backends-child.ts", import.meta.url)), {
    // Samples are arrays of numbers.
    serialization: "advanced",
  });
  let giveUp: (reason: Error) => void = () => {};
  child.on("exit", (code, signal) => giveUp(new Error(`the process ended with ${signal ?? `code ${code}`}`)));
  return {
    ask: (request) =>
      new Promise((resolve, reject) => {
        giveUp = reject;
        child.removeAllListeners("message").once("message", (reply) => resolve(reply as Reply));
        child.send(request);
      }),
    close: () => child.kill("SIGKILL"),
  };
}

function writeReport(report: Report): void {
  mkdirSync(out, { recursive: true });
  const markdown = toMarkdown(report);
  console.log(markdown);
  writeFileSync(join(out, "report.md"), markdown);
  writeFileSync(join(out, "report.json"), `${JSON.stringify(report, undefined, 2)}\n`);
  const chart = init(null, null, { renderer: "svg", ssr: true, width: 900, height: 560 });
  chart.setOption(chartOption(report, false));
  writeFileSync(join(out, "chart.svg"), chart.renderToSVGString());
  chart.dispose();
}
