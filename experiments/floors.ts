import { computeFloor, FLOOR_NAMES, FLOORS } from "../reproduce/floors.ts";
import { fashionMnist } from "../src/train/index.ts";
import type { ExperimentSettings } from "./experiment-settings.ts";
import { type Row, report } from "./table.ts";

/** Computes the targets' own entropy of the images whose losses site/paper shows, beside what reproduce/floors.ts has. */
export async function computeFloors({ out }: ExperimentSettings): Promise<void> {
  const hasFashion = await fashionMnist().then(
    () => true,
    () => false,
  );
  const rows: Row[] = [];
  for (const name of FLOOR_NAMES) {
    if (name.startsWith("Fashion-MNIST") && !hasFashion) continue;
    const computed = (await computeFloor(name)).toFixed(7);
    rows.push({ images: name, "nats a pixel": computed, "reproduce/floors.ts": FLOORS[name].toFixed(7) });
  }
  report(out, "floors", rows);
  if (!hasFashion) {
    console.log("Fashion-MNIST is not here: node --import tsx scripts/fetch-fashion-mnist.ts");
  }
}
