/**
 * 1 in the wide builds, for engines that join pairs of 128-bit vectors to 256 bits, else 0; set in asconfig.json. Joined, a tile
 * of up to 6 rows by one panel (packed block of 8 columns) has 6 sums, too few to hide the latency of an addition, so the wide
 * builds give it two panels. In 128-bit vectors these would be 24 sums, more than the 16 registers. Every tile adds in the same
 * order, so results have the same bits.
 */
declare const IS_WIDE: i32;
