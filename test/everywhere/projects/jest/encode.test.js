import { writeFileSync } from "node:fs";
import { encodeSome } from "./program.js";

test("encodes", async () => {
  const report = await encodeSome();
  expect(report.threads).toBeGreaterThan(0);
  writeFileSync("report.json", JSON.stringify(report));
});
