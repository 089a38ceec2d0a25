import * as latentflow from "/node_modules/latentflow/build/lib/index.js";
import { encodeOnTwo } from "./encode.js";

/** What the same gives in a worker, which starts the second thread itself. */
function encodeInWorker() {
  const worker = new Worker("worker.js", { type: "module" });
  return new Promise((resolve) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = (event) => {
      event.preventDefault();
      resolve({ error: { message: event.message ?? "" } });
    };
  }).finally(() => worker.terminate());
}

/** And in a service worker, which can start none. */
async function encodeInServiceWorker() {
  const answer = new Promise((resolve) => {
    navigator.serviceWorker.onmessage = ({ data }) => resolve(data);
  });
  try {
    const registration = await navigator.serviceWorker.register("service-worker.js", { type: "module" });
    (await navigator.serviceWorker.ready).active.postMessage("encode");
    return await answer.finally(() => registration.unregister());
  } catch ({ name, message }) {
    return { error: { name, message } };
  }
}

// What is being done is on the page, for whoever waits for its end.
const stage = document.createElement("p");
document.body.append(stage);
const report = {};
for (const [where, work] of Object.entries({
  page: () => encodeOnTwo(latentflow),
  worker: encodeInWorker,
  serviceWorker: encodeInServiceWorker,
})) {
  stage.textContent = `encoding: ${where}`;
  report[where] = await work();
}
const element = document.createElement("pre");
element.id = "report";
element.textContent = JSON.stringify(report, undefined, 2);
document.body.append(element);
