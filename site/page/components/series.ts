/** A line of a LineChart. */
export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
  /** "mark" is thick and has a dot at each point, "faint" is thin. */
  readonly style: "mark" | "plain" | "faint";
}
