import type { Environment } from "./environment.ts";

export const environments: readonly Environment[] = [];
