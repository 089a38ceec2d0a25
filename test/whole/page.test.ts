// run: first
// Tests site/page/ and site/typeface-page/: the home page and the page of typefaces as VitePress builds them, in Chromium and
// Firefox, by the files of page/: one build of the pages and one start of each browser for all of them.
import { close, test } from "./page/harness.ts";
import "./page/picture.ts";
import "./page/rooms.ts";
import "./page/own-decoder.ts";
import "./page/element.ts";
import "./page/all-rooms.ts";
import "./page/typeface.ts";

test.after(close);
test.run();
