import { type Finding, isNode, type Node, nameOf, type Rule, type SourceFile, walk } from "../source-file.js";

const directive = /^[\s*]*@ts-(ignore|nocheck|expect-error)/;

function faultOf(node: Node): string | undefined {
  if (node.type === "TSAnyKeyword") return "`any`";
  if (node.type === "TSNonNullExpression") return "a non-null `!`";
  if (node.type === "TSTypeAssertion") return "an angle-bracket cast";
  return undefined;
}

/** Holes in the types are closed. */
export const typeHoles: Rule = {
  name: "type holes",
  applies: (path) => path.startsWith("src/"),
  check: (file) => {
    const findings: Finding[] = file.comments
      .filter(({ value }) => directive.test(value))
      .map(({ start }) => ({ line: file.lineOf(start), what: "a directive that silences the compiler" }));
    walk(file.program, (node) => {
      const what = faultOf(node);
      if (what !== undefined) findings.push({ line: file.lineOf(node.start), what });
    });
    return findings;
  },
};

/** Lines with a comment on them. */
function commentedLines(file: SourceFile): Set<number> {
  const lines = new Set<number>();
  for (const { start, end } of file.comments) {
    for (let line = file.lineOf(start); line <= file.lineOf(end); line += 1) lines.add(line);
  }
  return lines;
}

const isConst = (node: Node): boolean =>
  isNode(node.typeAnnotation) && nameOf(node.typeAnnotation.typeName) === "const";

/**
 * A cast tells why it is right: in a comment on its lines, above the statement or member that it is part of, or
 * before it in the same function, where one reason often serves for several.
 */
export const castReasons: Rule = {
  name: "cast reasons",
  applies: (path) => path.startsWith("src/"),
  check: (file) => {
    const commented = commentedLines(file);
    const findings: Finding[] = [];
    walk(file.program, (node, ancestors) => {
      if (node.type !== "TSAsExpression" || isConst(node)) return;
      const holder = ancestors.find(({ type }) =>
        /(Statement|Declaration|Definition)$|^Property$/.test(type),
      );
      const first = file.lineOf(Math.min(holder?.start ?? node.start, node.start));
      const last = file.lineOf(node.end);
      const around = ancestors.findLast(({ type }) => /Function|^ArrowFunction/.test(type));
      const told = (from: number) => file.comments.some(({ start }) => start > from && start < node.start);
      if (around !== undefined && told(around.start)) return;
      for (let line = first - 1; line <= last; line += 1) if (commented.has(line)) return;
      findings.push({
        line: file.lineOf(node.start),
        what: "a cast without a reason in a comment beside it",
      });
    });
    return findings;
  },
};
