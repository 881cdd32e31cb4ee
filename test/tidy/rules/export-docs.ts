import { type Finding, isNode, type Node, nameOf, type Rule, type SourceFile } from "../source-file.js";

/** Whether a doc comment with a summary ends right before `start`; only line comments may stand between. */
function documented(file: SourceFile, start: number): boolean {
  const comment = file.comments.findLast((one) => one.end <= start);
  if (comment === undefined || file.text.slice(comment.end, start).trim() !== "") return false;
  if (comment.type === "Line") return documented(file, comment.start);
  if (!comment.value.startsWith("*")) return false;
  const summary = comment.value.replace(/^[\s*]+/, "");
  return /^[^@\s]/.test(summary);
}

/** Names that a declaration declares. */
function declaredNames(declaration: Node): string[] {
  if (declaration.type === "VariableDeclaration") {
    return (declaration.declarations as Node[]).map((one) => nameOf(one.id) ?? "a pattern");
  }
  return [nameOf(declaration.id) ?? "default"];
}

interface Declared {
  readonly name: string;
  readonly start: number;
  readonly exported: boolean;
}

/** All declarations of the outermost level. */
function declarationsOf(file: SourceFile): Declared[] {
  return (file.program.body as unknown as Node[]).flatMap((statement) => {
    const exported = /^Export(Named|Default)Declaration$/.test(statement.type);
    const inner = exported ? statement.declaration : statement;
    if (!isNode(inner)) return [];
    if (statement.type === "ExportDefaultDeclaration") {
      return [{ name: nameOf(inner.id) ?? "default", start: statement.start, exported }];
    }
    if (!/Declaration$|^TSDeclareFunction$/.test(inner.type) || inner.type === "ImportDeclaration") return [];
    return declaredNames(inner).map((name) => ({ name, start: statement.start, exported }));
  });
}

/** Names in `export { a, b as c }` of this file's own declarations. */
function listedNames(file: SourceFile): string[] {
  return (file.program.body as unknown as Node[]).flatMap((statement) => {
    if (statement.type !== "ExportNamedDeclaration" || statement.source !== null) return [];
    return (statement.specifiers as Node[]).map((one) => nameOf(one.local) ?? "");
  });
}

/** Every export says in a line what it is. Of an overloaded function one signature may speak for all. */
export const exportDocs: Rule = {
  name: "export docs",
  applies: (path) => path.startsWith("src/"),
  check: (file) => {
    const listed = new Set(listedNames(file));
    const declared = declarationsOf(file).filter(({ name, exported }) => exported || listed.has(name));
    const spoken = new Set(declared.filter((one) => documented(file, one.start)).map((one) => one.name));
    const findings: Finding[] = [];
    for (const { name, start } of declared) {
      if (spoken.has(name)) continue;
      spoken.add(name);
      findings.push({ line: file.lineOf(start), what: `${name} is exported without a summary comment` });
    }
    return findings;
  },
};
