// The benchmark page: asks what to measure, shows how far it is, and then the results. What it measures can also be
// given in the address: ?sizes=1,16,256&decoders=mlp,dcgan&solvers=lbfgs,amd&steps=100&rounds=3&limit=60, and &run starts at once.
import { availableBackends, webgpu } from "../../src/backend/webgpu/index.ts";
import { type Findings, type Progress, runBenchmark } from "./benchmark.ts";
import { DECODER_NAMES, DECODERS } from "./decoders.ts";
import { openWorker } from "./open-worker.ts";
import { element, fill, listItems } from "./page.ts";
import { type Environment, METHOD, makeReport } from "./report.ts";
import { ResultsView } from "./results-view.ts";
import { ALL_SIZES, ALL_SOLVERS, defaultSettings, readSettings, type Settings } from "./settings.ts";

const given = new URLSearchParams(location.search);
const view = new ResultsView();
const state = element("state");
const bar = element<HTMLProgressElement>("progress");
const start = element<HTMLButtonElement>("start");
const cancel = element<HTMLButtonElement>("cancel");

listItems("method", METHOD);
await prepare().catch(fail);

async function prepare(): Promise<void> {
  const environment = await findEnvironment();
  const settings = readSettings(
    {
      sizes: given.get("sizes") ?? undefined,
      decoders: given.get("decoders") ?? undefined,
      solvers: given.get("solvers") ?? undefined,
      steps: given.get("steps") ?? undefined,
      rounds: given.get("rounds") ?? undefined,
      limit: given.get("limit") ?? undefined,
    },
    defaultSettings(environment.adapterIsSoftware),
  );
  offer("sizes", ALL_SIZES, settings.sizes, (size) => `${size}`);
  offer("solvers", ALL_SOLVERS, settings.solvers, (solver) => `${solver}()`);
  offer("decoders", DECODER_NAMES, settings.decoders, (decoder) => DECODERS[decoder].label);
  element("settings").addEventListener("submit", (event) => {
    event.preventDefault();
    const chosen = {
      ...settings,
      sizes: chosenOf("sizes").map(Number),
      decoders: DECODER_NAMES.filter((decoder) => chosenOf("decoders").includes(decoder)),
      solvers: ALL_SOLVERS.filter((solver) => chosenOf("solvers").includes(solver)),
    };
    if ([chosen.sizes, chosen.decoders, chosen.solvers].some(({ length }) => length === 0)) {
      state.textContent = "Choose at least one batch size, one decoder and one solver.";
      return;
    }
    measure(chosen, environment).catch(fail);
  });
  start.disabled = false;
  if (given.has("run")) element<HTMLFormElement>("settings").requestSubmit();
}

/** Looks at what there is and says so. */
async function findEnvironment(): Promise<Environment> {
  const [gpu] = await availableBackends([webgpu()]);
  const { available = false, adapter, reason } = gpu ?? {};
  const adapterIsSoftware = !available && adapter !== undefined;
  const notice = element("adapter");
  notice.classList.toggle("warning", !available);
  notice.textContent = available
    ? `GPU: ${adapter}.`
    : adapterIsSoftware
      ? `No GPU: the adapter is software (${adapter}), a program on the CPU. What is measured on it says nothing of a GPU, and takes long; so only small batches of the small decoder are chosen below.`
      : `WebGPU cannot be used here (${reason}). WASM will be measured alone.`;
  const { userAgent: runtime, hardwareConcurrency: cores } = navigator;
  return { runtime, cores, adapter, adapterIsSoftware };
}

type Choosable = "sizes" | "decoders" | "solvers";

function offer<T extends number | string>(
  name: Choosable,
  usual: readonly T[],
  chosen: readonly T[],
  label: (value: T) => string,
): void {
  const values = [...new Set([...usual, ...chosen])];
  if (name === "sizes") values.sort((a, b) => Number(a) - Number(b));
  const choices = values.map((value) => {
    const input = Object.assign(document.createElement("input"), {
      type: "checkbox",
      name,
      value: String(value),
      checked: chosen.includes(value),
    });
    return fill(document.createElement("label"), input, label(value));
  });
  fill(element(name), ...choices);
}

function chosenOf(name: Choosable): string[] {
  return new FormData(element<HTMLFormElement>("settings")).getAll(name).map(String);
}

async function measure(settings: Settings, environment: Environment): Promise<void> {
  const controller = new AbortController();
  const stop = () => controller.abort();
  cancel.addEventListener("click", stop);
  setBusy(true);
  try {
    const findings = await runBenchmark(settings, openWorker, {
      signal: controller.signal,
      onProgress(progress) {
        showProgress(progress);
        show(progress.findings, false);
      },
    });
    const complete = !controller.signal.aborted;
    show(findings, complete);
    state.textContent = complete ? "Done." : "Cancelled. What was measured until then is below.";
  } finally {
    setBusy(false);
    cancel.removeEventListener("click", stop);
  }

  function show({ starts, rows, absences, adapter }: Findings, complete: boolean): void {
    if (starts.length === 0 && absences.length === 0) return;
    const where = { ...environment, adapter: adapter ?? environment.adapter };
    view.show(makeReport({ environment: where, settings, complete, starts, rows, absences }));
  }
}

function setBusy(busy: boolean): void {
  for (const fieldset of document.querySelectorAll("fieldset")) fieldset.disabled = busy;
  start.disabled = busy;
  cancel.disabled = !busy;
  bar.hidden = !busy;
  (busy ? cancel : start).focus();
}

function showProgress({ done, total, current }: Progress): void {
  bar.max = total;
  bar.value = done;
  state.textContent = `${current} …`;
}

function fail(error: unknown): void {
  state.textContent = `That went wrong: ${error instanceof Error ? error.message : error}`;
}
