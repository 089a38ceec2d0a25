/** A place to run the package in, or a tool to run it through: a row of the table. */
export interface Environment {
  /** "Vite, page". Said on the command line, whole or in part, to run this row. */
  readonly name: string;
  /** The Node that its tool wants; default 20. */
  readonly node?: NodeMajor;
  /** Takes seconds: the tests run it too. */
  readonly quick?: boolean;
  /**
   * Makes a project in an empty folder, installs the package there, and runs the program of all environments.
   *
   * @throws Error with the tool's output where it does not work; NotTried where it cannot be had here
   */
  run(context: Context): Promise<Outcome>;
}

export type NodeMajor = 20 | 22 | 24 | 26;

export interface Context {
  /** Empty. */
  readonly folder: string;
  /** What `npm pack` made of the package. */
  readonly tarball: string;
  /** The path of a Node of the environment's version. */
  readonly node: string;
  /** Aborted when its time is over: what it has started has to end. `project.ts` and `page.ts` see to that. */
  readonly signal: AbortSignal;
  /** Prints a line about how far it is. */
  readonly log: (line: string) => void;
}

/** What came out where the package works: the program's numbers are the expected ones. */
export interface Outcome {
  /** Of the tool, as it says itself. */
  readonly version: string;
  /** How many threads the encoding ran on, of the two asked for; undefined where nothing runs, as for types. */
  readonly threads: number | undefined;
  /** Why it was one thread. */
  readonly reason?: string;
}

/** Says of an environment that it cannot be had on this machine: no failure, and nothing known either. */
export class NotTried extends Error {}
