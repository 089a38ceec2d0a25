const { writeFileSync } = require("node:fs");
const { encodeSome } = require("./program.cjs");

test("encodes", async () => {
  const report = await encodeSome();
  expect(report.threads).toBeGreaterThan(0);
  writeFileSync("report.json", JSON.stringify(report));
});
