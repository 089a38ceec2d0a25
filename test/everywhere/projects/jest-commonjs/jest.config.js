module.exports = {
  transform: {
    "\\.js$": [
      "babel-jest",
      { plugins: ["@babel/plugin-transform-dynamic-import", "@babel/plugin-transform-modules-commonjs"] },
    ],
  },
  transformIgnorePatterns: ["/node_modules/(?!latentflow/)"],
};
