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

const report = { page: await encodeOnTwo(latentflow), worker: await encodeInWorker() };
const element = document.createElement("pre");
element.id = "report";
element.textContent = JSON.stringify(report, undefined, 2);
document.body.append(element);
