import { invalid } from "../../../base/refuse.ts";
import { show, showList } from "../../../base/show.ts";

// Names of columns on the command line, of tables and Parquet files.

/**
 * Returns the names in texts: each text one name, or several with commas between them, in quotes or not.
 *
 * @param isName true for the name of a column, which may contain commas
 */
export function namesIn(texts: readonly string[], isName: (text: string) => boolean): string[] {
  return texts.flatMap((text) => {
    const names = isName(text) ? null : text.match(/(?:"(?:[^"]|"")*"|[^,"])+/g);
    return names?.map((name) => withoutQuotes(name.trim())) ?? [text];
  });
}

function withoutQuotes(name: string): string {
  return name.length > 1 && name.startsWith('"') && name.endsWith('"')
    ? name.slice(1, -1).replaceAll('""', '"')
    : name;
}

/** Formats the value of an option for a message, in quotes if a shell would divide or expand it. */
export function showValue(value: string): string {
  return /^[\w.,:/=%+-]+$/.test(value) ? value : show(value);
}

/** Columns of a table by name. */
export class ColumnNames {
  private readonly places = new Map<string, number[]>();

  /** @param names names of all columns in the file's order */
  constructor(readonly names: readonly string[]) {
    for (const [place, name] of names.entries()) {
      const places = this.places.get(name);
      if (places) places.push(place);
      else this.places.set(name, [place]);
    }
  }

  /** True if a column has the name. A function of its own, to be passed on. */
  readonly has = (name: string): boolean => this.places.has(name);

  /**
   * Returns the index of the column with a name.
   *
   * @throws LatentflowError if no column has the name, or several have
   */
  find(name: string): number {
    const [place, ...others] = this.places.get(name) ?? [];
    if (place === undefined) {
      const all = showList(this.names.map((each) => show(each)));
      throw invalid(`the table has no column ${show(name)}; it has ${all}`);
    }
    if (others.length === 0) return place;
    throw invalid(`the table has ${others.length + 1} columns ${show(name)}; give them names of their own`);
  }
}
