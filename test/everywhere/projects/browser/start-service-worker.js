import { show } from "./program.js";

navigator.serviceWorker.onmessage = ({ data }) => show(data);
try {
  await navigator.serviceWorker.register("service-worker.js", { type: "module" });
  const { active } = await navigator.serviceWorker.ready;
  active.postMessage("report");
} catch (error) {
  show({ error: String(error) });
}
