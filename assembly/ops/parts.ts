/**
 * Returns where part number `part` of `parts` begins in a range of `size` elements; it ends where the next part begins. The
 * parts are contiguous and cover the range once, each begins at a multiple of `multiple`, and their sizes differ by at most
 * `multiple`, but for the end of the range; with more parts than multiples some are empty. Threads that work on one range thus
 * divide it without a word to each other.
 */
export function startOfPart(size: i32, multiple: i32, part: i32, parts: i32): i32 {
  const count = (size + multiple - 1) / multiple;
  return min(size, multiple * <i32>((<i64>count * part) / parts));
}
