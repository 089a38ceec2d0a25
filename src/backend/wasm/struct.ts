/** The field types of an `@unmanaged` class in assembly/; usize, a pointer, may be above 2 GiB. */
export type FieldType = "i32" | "usize" | "f32" | "f64";

/** A number for each field. */
export type FieldValues<Fields> = Readonly<Record<keyof Fields, number>>;

/**
 * An `@unmanaged` class of assembly/ as TypeScript sees it: its fields in their order, laid out by the rules
 * of C, which are AssemblyScript's. A test holds each against its source.
 */
export class Struct<Fields extends Record<string, FieldType>> {
  /** In bytes, a multiple of the largest field. */
  readonly size: number;
  private readonly offsets = new Map<keyof Fields, number>();
  private readonly fields: Fields;

  constructor(fields: Fields) {
    this.fields = fields;
    let offset = 0;
    let alignment = 4;
    for (const [name, type] of Object.entries(fields)) {
      const bytes = type === "f64" ? 8 : 4;
      alignment = Math.max(alignment, bytes);
      offset = Math.ceil(offset / bytes) * bytes;
      this.offsets.set(name, offset);
      offset += bytes;
    }
    this.size = Math.ceil(offset / alignment) * alignment;
  }

  /** Where a field lies, in bytes from the struct's start. */
  offset(name: keyof Fields): number {
    return this.offsets.get(name)!;
  }

  /** The fields in their order, for the test that holds them against the sources. */
  describe(): { field: string; type: FieldType; offset: number }[] {
    return Object.entries(this.fields).map(([field, type]) => ({ field, type, offset: this.offset(field) }));
  }

  get(memory: DataView, pointer: number, name: keyof Fields): number {
    const at = pointer + this.offset(name);
    if (this.fields[name] === "f64") return memory.getFloat64(at, true);
    if (this.fields[name] === "f32") return memory.getFloat32(at, true);
    return this.fields[name] === "usize" ? memory.getUint32(at, true) : memory.getInt32(at, true);
  }

  /** Writes every field: memory that has just been taken holds anything. */
  fill(memory: DataView, pointer: number, values: FieldValues<Fields>): void {
    this.set(memory, pointer, values);
  }

  /** Writes some fields; the others stay as they are. */
  set(memory: DataView, pointer: number, values: Partial<FieldValues<Fields>>): void {
    for (const name in values) {
      const at = pointer + this.offset(name);
      const value = values[name]!;
      if (this.fields[name] === "f64") memory.setFloat64(at, value, true);
      else if (this.fields[name] === "f32") memory.setFloat32(at, value, true);
      else memory.setInt32(at, value, true);
    }
  }
}
