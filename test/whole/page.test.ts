// run: first
// Tests site/page/: the home page as VitePress builds it, in Chromium and Firefox, by the files of page/: one build of the page and
// one start of each browser for all of them.
import { close, test } from "./page/harness.ts";
import "./page/picture.ts";
import "./page/rooms.ts";
import "./page/own-decoder.ts";
import "./page/element.ts";
import "./page/all-rooms.ts";

test.after(close);
test.run();
