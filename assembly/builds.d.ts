/**
 * 1 in the builds for engines that join pairs of vectors to 256 bits, else 0; set in asconfig.json. Joined, a tile of one panel
 * (packed block of 8 columns) has too few accumulators to hide the latency of its additions; those builds take tiles of two
 * panels, for which vectors of 128 bits have too few registers. The order of all sums stays, so results have the same bits.
 */
declare const IS_WIDE: i32;
