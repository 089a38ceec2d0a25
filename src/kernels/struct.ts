/** Field types of an `@unmanaged` class in assembly/. A usize is a pointer and may be 2³¹ or more. */
export type FieldType = "i32" | "usize" | "f32" | "f64";

/** Type of a field, and its offset from the struct's start in bytes. */
interface Place {
  readonly type: FieldType;
  readonly offset: number;
}

/** A number for each field of a struct. */
type FieldValues<Fields> = Readonly<Record<keyof Fields, number>>;

/** A number for each field of the struct type S. */
export type FieldsIn<S> = S extends Struct<infer Fields> ? FieldValues<Fields> : never;

/**
 * An `@unmanaged` class of assembly/ as TypeScript sees it: its fields in their order, laid out by the rules of C, which
 * AssemblyScript follows. scripts/write-structs.mjs generates the structs from the classes.
 */
export class Struct<Fields extends Record<string, FieldType>> {
  /** Size in bytes, a multiple of the largest field's size and of 4. */
  readonly size: number;
  /** Type and byte offset of each field, in the order of the fields. */
  readonly places: { readonly [Name in keyof Fields]: Place };

  constructor(readonly fields: Fields) {
    const places: Partial<Record<keyof Fields, Place>> = {};
    let offset = 0;
    let alignment = 4;
    for (const [name, type] of Object.entries(fields) as [keyof Fields, FieldType][]) {
      const bytes = type === "f64" ? 8 : 4;
      alignment = Math.max(alignment, bytes);
      offset = Math.ceil(offset / bytes) * bytes;
      places[name] = { type, offset };
      offset += bytes;
    }
    this.places = places as Record<keyof Fields, Place>;
    this.size = Math.ceil(offset / alignment) * alignment;
  }

  /** Reads one field of the struct at `pointer`. */
  get(memory: DataView, pointer: number, name: keyof Fields): number {
    const { type, offset } = this.places[name];
    const at = pointer + offset;
    if (type === "f64") return memory.getFloat64(at, true);
    if (type === "f32") return memory.getFloat32(at, true);
    return type === "usize" ? memory.getUint32(at, true) : memory.getInt32(at, true);
  }

  /**
   * Writes every field, from the member of `values` with the field's name; other members are ignored. No field may be left out,
   * since newly allocated memory may hold anything.
   */
  fill(memory: DataView, pointer: number, values: FieldValues<Fields>): void {
    for (const name in this.places) this.put(memory, pointer, name, values[name]);
  }

  /** Writes some fields of the struct at `pointer`; the others keep their values. */
  set(memory: DataView, pointer: number, values: Partial<FieldValues<Fields>>): void {
    for (const name in values) this.put(memory, pointer, name, values[name]!);
  }

  private put(memory: DataView, pointer: number, name: keyof Fields, value: number): void {
    const { type, offset } = this.places[name];
    if (type === "f64") memory.setFloat64(pointer + offset, value, true);
    else if (type === "f32") memory.setFloat32(pointer + offset, value, true);
    else memory.setInt32(pointer + offset, value, true);
  }
}
