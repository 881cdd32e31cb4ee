import { isProgram, type Node, type Rule, rootName, walk } from "../source-file.js";

const fileLinesMax = 500;
const functionLinesMax = 70;

/** Programs parse; of one that does not, the other rules see nothing. */
export const syntax: Rule = {
  name: "syntax",
  applies: isProgram,
  check: (file) =>
    file.syntaxErrors.map(({ offset, message }) => ({ line: file.lineOf(offset), what: message })),
};

/** Files stay small enough to read in one go. */
export const fileLength: Rule = {
  name: "file length",
  applies: isProgram,
  check: ({ lines }) => {
    const count = lines.at(-1) === "" ? lines.length - 1 : lines.length;
    return count > fileLinesMax ? [{ line: count, what: `${count} lines, more than ${fileLinesMax}` }] : [];
  },
};

/** The body of a `describe` is a list of tests, not a function that one has to follow. */
function isSuiteBody(node: Node, parent: Node | undefined): boolean {
  if (parent?.type !== "CallExpression" || parent.callee === node) return false;
  return /^(describe|suite)$/.test(rootName(parent.callee) ?? "");
}

/** Functions fit on one screen. */
export const functionLength: Rule = {
  name: "function length",
  applies: isProgram,
  check: (file) => {
    const findings: { line: number; what: string }[] = [];
    walk(file.program, (node, [parent]) => {
      if (!/^(FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/.test(node.type)) return;
      if (isSuiteBody(node, parent)) return;
      const line = file.lineOf(node.start);
      const count = file.lineOf(node.end) - line + 1;
      if (count > functionLinesMax) {
        findings.push({ line, what: `a function of ${count} lines, more than ${functionLinesMax}` });
      }
    });
    return findings;
  },
};
