/** What every experiment is given. */
export interface ExperimentSettings {
  readonly seed: number;
  /** The folder for its files. */
  readonly out: string;
}
