import { show, tell } from "./program.js";

if (crossOriginIsolated) await tell();
else show({ error: "the page is not isolated" });
