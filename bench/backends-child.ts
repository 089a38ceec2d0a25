// Measures one subject of bench/backends.ts, in a process of its own.
import { startDawn } from "./dawn.ts";
import { makeResponder, type Request } from "./page/responder.ts";
import { testDigits } from "./rig.ts";

startDawn();
const respond = makeResponder({
  readDigits: testDigits,
  workerUrl: new URL("../build/lib/latentflow-worker.js", import.meta.url),
});
process.on("message", async (request: Request) => process.send!(await respond(request)));
