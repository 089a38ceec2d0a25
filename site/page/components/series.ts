/** A line of a LineChart. */
export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
  /** Style of the line: "mark" is thick with a dot at each point, "faint" is thin. */
  readonly style: "mark" | "plain" | "faint";
}
