/**
 * 1 in the builds for engines that join pairs of 128-bit vectors to 256 bits, else 0; set in asconfig.json. With joined vectors
 * a matrix product's tile of one panel (packed block of 8 columns) has too few accumulators to hide the latency of its
 * additions, so these builds use tiles of two panels, for which 128-bit vectors have too few registers. Both tiles add in the
 * same order, so results have the same bits.
 */
declare const IS_WIDE: i32;
