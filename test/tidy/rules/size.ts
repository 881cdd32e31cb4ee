import { isNode, isProgram, type Node, type Rule, rootName, walk } from "../source-file.js";

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

const isFunction = /^(FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/;

/** Whether a statement is a suite or a test, which stands for itself and is not part of what is around it. */
function isTestCase(node: Node): boolean {
  if (node.type !== "ExpressionStatement" || !isNode(node.expression)) return false;
  const { type, callee } = node.expression;
  return type === "CallExpression" && /^(describe|suite|it|test)$/.test(rootName(callee) ?? "");
}

/** Functions fit on one screen. Of a suite only what stands around its tests counts. */
export const functionLength: Rule = {
  name: "function length",
  applies: isProgram,
  check: (file) => {
    const lengths = new Map<Node, number>();
    const linesOf = (node: Node) => file.lineOf(node.end) - file.lineOf(node.start) + 1;
    walk(file.program, (node, ancestors) => {
      if (isFunction.test(node.type)) lengths.set(node, linesOf(node));
      if (!isTestCase(node)) return;
      const around = ancestors.find(({ type }) => isFunction.test(type));
      if (around !== undefined) lengths.set(around, (lengths.get(around) ?? 0) - linesOf(node));
    });
    return [...lengths].flatMap(([node, count]) => {
      if (count <= functionLinesMax) return [];
      const what = `a function of ${count} lines, more than ${functionLinesMax}`;
      return [{ line: file.lineOf(node.start), what }];
    });
  },
};
