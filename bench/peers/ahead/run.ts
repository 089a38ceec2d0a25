// latentflow beside what one would write in PyTorch, on trained decoders; main.ts beside its folder starts it.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { findTorch } from "../find-torch.ts";
import { describeMachine } from "../machine.ts";
import { DECODERS } from "./decoders.ts";
import { type Amounts, measureDecoder } from "./measure.ts";
import { startContenders } from "./pytorch.ts";
import { aheadSection, withSection } from "./report.ts";
import { type AheadResults, type DecoderFigure, missingIn } from "./results.ts";
import { trainDecoders } from "./train.ts";

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
    // Times on the processor, for a machine that others use, too.
    cpu: { type: "boolean", default: false },
    only: { type: "string" },
  },
});
const { quick, write, only } = values;
const clock = values.cpu ? "cpu" : "wall";
const amounts: Amounts = quick
  ? { clock, rounds: 1, seconds: [0.5, 0.5], samples: 4, evaluations: 60 }
  : {
      clock,
      rounds: 3,
      seconds: [3, 6],
      samples: Number.POSITIVE_INFINITY,
      evaluations: Number.POSITIVE_INFINITY,
    };
const wanted = DECODERS.filter(({ name }) => only === undefined || name === only);
if (wanted.length === 0) {
  throw new Error(`--only is ${only}, expected one of ${DECODERS.map(({ name }) => name).join(", ")}`);
}
if (only !== undefined && write)
  throw new Error("--only measures one decoder, and --write needs all: leave one out");

const python = findTorch();
if (!python)
  throw new Error("no Python with PyTorch was found: install it, or set PYTHON to one that has it");
const machine = describeMachine();
if (clock === "wall" && machine.load > machine.cores / 2) {
  console.error(
    `The load is ${machine.load}: close everything else, or take times on the processor by --cpu.`,
  );
}
const torch = await startContenders(python);
console.error(`PyTorch ${torch.info.version}, ${torch.info.blas}, ${torch.info.cpu}`);
const folder = trainDecoders(python, wanted);
const decoders: DecoderFigure[] = [];
for (const trained of wanted) decoders.push(await measureDecoder(trained, folder, torch, amounts));
torch.dispose();

const results: AheadResults = {
  machine,
  quick,
  clock,
  torch: torch.info,
  seconds: amounts.seconds,
  decoders,
};
const section = aheadSection(results);
console.log(`\n${section}`);
if (only === undefined) {
  const to = fileURLToPath(
    new URL(write ? "../../../site/performance/" : "../../../out/bench/", import.meta.url),
  );
  mkdirSync(to, { recursive: true });
  const [page, data] = [`${to}peers.md`, `${to}peers.json`];
  const before = existsSync(data) ? JSON.parse(readFileSync(data, "utf8")) : {};
  writeFileSync(data, `${JSON.stringify({ ...before, ahead: results }, undefined, 2)}\n`);
  writeFileSync(page, withSection(existsSync(page) ? readFileSync(page, "utf8") : "", section));
  console.error(`${page}, ${data}`);
  const missing = missingIn(JSON.parse(readFileSync(data, "utf8")).ahead);
  if (missing.length > 0) throw new Error(`${data} lacks ${missing.join("; ")}`);
}
