import { tell } from "./program.js";

await tell();
