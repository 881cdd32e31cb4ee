import { type Comment, type EcmaScriptModule, type Program, parseSync, visitorKeys } from "oxc-parser";

/** Any node of a syntax tree, as far as the rules look into it. */
export interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [key: string]: unknown;
}

/** One file of the repository, parsed when it is a program. */
export interface SourceFile {
  /** From the root of the repository, with forward slashes. */
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
  readonly program: Program;
  readonly comments: readonly Comment[];
  readonly module: EcmaScriptModule;
  /** Why the file does not parse; empty when it does. */
  readonly syntaxErrors: readonly { readonly offset: number; readonly message: string }[];
  /** The line, counted from 1, of an offset. */
  lineOf(offset: number): number;
}

/** Something that a rule forbids. */
export interface Finding {
  readonly line: number;
  readonly what: string;
}

/** One rule of the house. */
export interface Rule {
  readonly name: string;
  applies(path: string): boolean;
  check(file: SourceFile): Finding[];
}

/** Whether a path is a program that the parser reads. */
export const isProgram = (path: string): boolean => /\.(ts|tsx|mts|js|mjs|cjs)$/.test(path);

/** Reads one file. Files that are no programs have an empty tree. */
export function sourceFile(path: string, text: string): SourceFile {
  const parsed = parseSync(isProgram(path) ? path : "empty.ts", isProgram(path) ? text : "");
  const starts = [0];
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return {
    path,
    text,
    lines: text.split("\n"),
    program: parsed.program,
    comments: parsed.comments,
    module: parsed.module,
    syntaxErrors: parsed.errors.map(({ labels, message }) => ({ offset: labels[0]?.start ?? 0, message })),
    lineOf: (offset) => starts.findLastIndex((start) => start <= offset) + 1,
  };
}

/** Calls `enter` for every node, outer before inner; `ancestors` begins with the nearest. */
export function walk(program: Program, enter: (node: Node, ancestors: readonly Node[]) => void): void {
  const visit = (node: Node, ancestors: readonly Node[]) => {
    enter(node, ancestors);
    const below = [node, ...ancestors];
    for (const key of visitorKeys[node.type] ?? []) {
      for (const child of [node[key]].flat()) if (isNode(child)) visit(child, below);
    }
  };
  visit(program as unknown as Node, []);
}

/** Whether a value is a node. */
export function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && typeof (value as Node).type === "string";
}

/** The name of an identifier node; undefined for anything else. */
export function nameOf(node: unknown): string | undefined {
  return isNode(node) && node.type === "Identifier" ? String(node.name) : undefined;
}

/** `a.b` as "a.b" for a member expression of plain names; undefined for anything else. */
export function memberName(node: unknown): string | undefined {
  if (!isNode(node) || node.type !== "MemberExpression" || node.computed === true) return undefined;
  const [object, property] = [nameOf(node.object), nameOf(node.property)];
  return object === undefined || property === undefined ? undefined : `${object}.${property}`;
}

/** The first name of a chain of members and calls: `describe` of `describe.skipIf(x)("…", f)`. */
export function rootName(node: unknown): string | undefined {
  if (!isNode(node)) return undefined;
  if (node.type === "MemberExpression") return rootName(node.object);
  if (node.type === "CallExpression") return rootName(node.callee);
  if (node.type === "TaggedTemplateExpression") return rootName(node.tag);
  return nameOf(node);
}

/** Whether an identifier stands for a value, and is not merely the name of a member or key. */
export function isReference(node: Node, parent: Node | undefined): boolean {
  if (node.type !== "Identifier" || parent === undefined) return false;
  if (parent.type === "MemberExpression") return parent.object === node || parent.computed === true;
  if (parent.type === "Property") return parent.shorthand === true || parent.value === node;
  return !/^(TSPropertySignature|TSMethodSignature|MethodDefinition|PropertyDefinition|TSQualifiedName|ImportSpecifier)$/.test(
    parent.type,
  );
}
