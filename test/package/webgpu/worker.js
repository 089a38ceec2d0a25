import { runScenario } from "./scenario.js";

self.postMessage(await runScenario());
