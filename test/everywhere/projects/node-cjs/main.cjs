const { tell } = require("./program.cjs");

tell();
