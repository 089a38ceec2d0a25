// The data are the outer page's: arrays of another realm.
import { report, show } from "./program.js";

show(await report({}, parent), parent.document);
