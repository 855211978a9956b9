// Parses modules, one to a line as JSON, and answers each with a line.

const { parse } = require("internal/deps/acorn/acorn/dist/acorn");
const { createInterface } = require("node:readline");

/** What a node of the tree holds, without where it stands. */
const meaning = (key, value) => {
  if (key === "start" || key === "end") return undefined;
  return typeof value === "bigint" || value instanceof RegExp ? String(value) : value;
};

createInterface({ input: process.stdin }).on("line", (line) => {
  let answer;
  try {
    const onComment = [];
    const tree = parse(JSON.parse(line), { ecmaVersion: "latest", sourceType: "module", onComment });
    answer = { comments: onComment.length, tree: JSON.stringify(tree, meaning) };
  } catch (error) {
    answer = { error: String(error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
});
