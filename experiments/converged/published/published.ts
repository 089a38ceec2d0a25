import type { Case } from "../case.ts";

export const PUBLISHED_CASES: readonly Case[] = [];
