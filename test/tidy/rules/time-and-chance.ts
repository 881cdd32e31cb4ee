import { type Finding, isReference, memberName, type Node, nameOf, type Rule, walk } from "../source-file.js";

/** Layers that stand outside of the injected world: they are the machine's edge, or programs of their own. */
const outside = /^src\/(edges|cli|loadtest|dashboard)\//;

const members = new Set([
  "Date.now",
  "Math.random",
  "performance.now",
  "process.hrtime",
  "process.uptime",
  "crypto.randomUUID",
  "crypto.getRandomValues",
  "crypto.randomBytes",
  "crypto.randomInt",
]);
const names = new Set(["setTimeout", "setInterval"]);
const imported = /^(random(Bytes|UUID|Int|Fill|FillSync)|webcrypto|getRandomValues|performance)$/;

function faultOf(node: Node, parent: Node | undefined): string | undefined {
  const member = memberName(node);
  if (member !== undefined) {
    if (members.has(member)) return member;
    return /^(globalThis|global|window)\.(setTimeout|setInterval)$/.test(member) ? member : undefined;
  }
  if (node.type === "NewExpression" && nameOf(node.callee) === "Date") {
    return Array.isArray(node.arguments) && node.arguments.length === 0 ? "new Date()" : undefined;
  }
  if (node.type === "ImportSpecifier") {
    const name = nameOf(node.imported) ?? "";
    return imported.test(name) ? `the import of ${name}` : undefined;
  }
  const name = nameOf(node);
  if (name === undefined || !names.has(name) || !isReference(node, parent)) return undefined;
  return name;
}

/** Time and chance are injected, so that the simulator can drive them. */
export const timeAndChance: Rule = {
  name: "time and chance",
  applies: (path) => path.startsWith("src/") && !outside.test(path),
  check: (file) => {
    const findings: Finding[] = [];
    const report = (offset: number, what: string) =>
      findings.push({ line: file.lineOf(offset), what: `${what}: take Clock or Random from contracts` });
    walk(file.program, (node, [parent]) => {
      const fault = faultOf(node, parent);
      if (fault !== undefined) report(node.start, fault);
      if (node.type === "ImportDeclaration" && /timers/.test(String((node.source as Node).value))) {
        report(node.start, "Node's timers");
      }
    });
    return findings;
  },
};
