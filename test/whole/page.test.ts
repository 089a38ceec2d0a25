// run: first
// Tests site/page/, site/typeface-page/ and site/threads-page/: the pages that compute as VitePress builds them, in Chromium and
// Firefox, by the files of page/: one build of the pages and one start of each browser for all of them.
import { close, test } from "./page/harness.ts";
import "./page/picture.ts";
import "./page/rooms.ts";
import "./page/own-decoder.ts";
import "./page/element.ts";
import "./page/all-rooms.ts";
import "./page/typeface.ts";
import "./page/threads.ts";

test.after(close);
test.run();
