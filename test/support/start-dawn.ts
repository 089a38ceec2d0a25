// Imported before a program that is to find WebGPU in Node.
import { startDawn } from "./dawn.ts";

startDawn();
