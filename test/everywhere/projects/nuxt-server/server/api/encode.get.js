import { encodeSome } from "../../program.js";

export default defineEventHandler(() => encodeSome());
