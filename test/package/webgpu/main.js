import { encodeUntilKilled, runScenario } from "./scenario.js";

/** What the same scenario reports from a worker. */
function runInWorker() {
  const worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = ({ message }) => reject(new Error(message));
  }).finally(() => worker.terminate());
}

// The test ends the GPU's process when it is told to, in the middle of a call.
window.encodeUntilKilled = (kill) => encodeUntilKilled(window[kill]);

// The page that is opened for that alone has nothing else to do.
if (location.search !== "?kill") {
  const report = { page: await runScenario(), worker: await runInWorker() };
  const element = document.createElement("pre");
  element.id = "report";
  element.textContent = JSON.stringify(report, undefined, 2);
  document.body.append(element);
}
