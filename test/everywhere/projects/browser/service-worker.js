import { report } from "./program.js";

addEventListener("message", (event) => {
  event.waitUntil(report().then((said) => event.source.postMessage(said)));
});
