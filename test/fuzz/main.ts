// npm run fuzz -- --minutes 120 --seed 1
//
//   --minutes N   for so long (default: 10)
//   --seed N      the first seed (default: by chance); each minute has the next one
//   --round N     only this round of the seed, to see again what went wrong

import { parseArgs } from "node:util";
import { fuzz } from "./run.ts";
import { fuzzRound, newCounts } from "./target.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    seed: { type: "string" },
    round: { type: "string" },
  },
});
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(values.seed);

if (values.round !== undefined) {
  const counts = newCounts();
  await fuzzRound(seed, Number(values.round), counts);
  console.log(counts);
} else {
  const total = newCounts();
  for (let minute = 0; minute < Number(values.minutes); minute++) {
    console.log(`seed ${seed + minute}`);
    const { rounds, read, refused, byKind, longest } = await fuzz(seed + minute, { seconds: 60 });
    total.rounds += rounds;
    total.read += read;
    total.refused += refused;
    total.longest = Math.max(total.longest, longest);
    for (const [kind, counts] of Object.entries(byKind)) {
      total.byKind[kind] ??= { read: 0, refused: 0 };
      total.byKind[kind].read += counts.read;
      total.byKind[kind].refused += counts.refused;
    }
  }
  console.log(
    `${total.rounds} files, ${total.read} read, ${total.refused} refused; the longest ${total.longest} ms`,
  );
  console.table(total.byKind);
}
