import {
  type Finding,
  isNode,
  type Node,
  nameOf,
  type Rule,
  rootName,
  type SourceFile,
  walk,
} from "../source-file.js";
import { importsOf } from "./import-law.js";

const isTest = (path: string): boolean => /^test\/.*\.ts$/.test(path);

/** The name that settles the nearest promise around a node: `done` of `new Promise((done) => …)`. */
function settler(ancestors: readonly Node[]): string | undefined {
  const index = ancestors.findIndex(
    (node) => node.type === "NewExpression" && nameOf(node.callee) === "Promise",
  );
  const executor = index > 0 ? ancestors[index - 1] : undefined;
  return nameOf((executor?.params as Node[] | undefined)?.[0]);
}

/** Whether a call of `setTimeout` does nothing but end the wait: its callback is `settle`, or only calls it. */
function onlyWakes(call: Node, settle: string): boolean {
  const [callback] = call.arguments as Node[];
  if (nameOf(callback) === settle) return true;
  const body = isNode(callback?.body) ? callback.body : undefined;
  const statements = body?.type === "BlockStatement" ? (body.body as Node[]) : [body];
  const [first] = statements;
  const only = first?.type === "ExpressionStatement" ? first.expression : first;
  return statements.length === 1 && isNode(only) && nameOf(only.callee) === settle;
}

function faultOfCall(file: SourceFile, node: Node, ancestors: readonly Node[]): string | undefined {
  const callee = nameOf(node.callee);
  if (callee === "setTimeout") {
    const settle = settler(ancestors);
    if (settle === undefined || !onlyWakes(node, settle)) return undefined;
    return "a promise of setTimeout: wait for a condition with `until`, or drive a clock";
  }
  const [first] = node.arguments as Node[];
  if (callee === "promisify" && nameOf(first) === "setTimeout") return "a promise of setTimeout";
  return file.text.startsWith("Atomics.wait", node.start) ? "Atomics.wait" : undefined;
}

/** Tests wait for conditions or drive a clock; they do not sleep. */
export const noSleep: Rule = {
  name: "no sleep",
  applies: (path) => isTest(path) && !path.startsWith("test/support/"),
  check: (file) => {
    const findings: Finding[] = importsOf(file)
      .filter(({ specifier }) => /timers\/promises$/.test(specifier))
      .map(({ start }) => ({ line: file.lineOf(start), what: "Node's promised timers" }));
    walk(file.program, (node, ancestors) => {
      if (node.type !== "CallExpression") return;
      const what = faultOfCall(file, node, ancestors);
      if (what !== undefined) findings.push({ line: file.lineOf(node.start), what });
    });
    return findings;
  },
};

const runners = /^(describe|suite|it|test|bench)$/;
const banned = /^(skip|only|todo|fails)$/;
const conditional = /^(skipIf|runIf)$/;
const shorthands = /^(xit|xtest|xdescribe|fit|fdescribe)$/;

/** No test is switched off, none is alone; a suite may be skipped for a missing program only. */
export const noSkips: Rule = {
  name: "no skips",
  applies: isTest,
  check: (file) => {
    const asksForServer = importsOf(file).some(({ specifier }) => /support\/servers\.js$/.test(specifier));
    const findings: Finding[] = [];
    const report = (node: Node, what: string) => findings.push({ line: file.lineOf(node.start), what });
    walk(file.program, (node, [parent]) => {
      if (
        parent?.type === "CallExpression" &&
        parent.callee === node &&
        shorthands.test(nameOf(node) ?? "")
      ) {
        report(node, `${nameOf(node)} switches a test off`);
      }
      if (node.type !== "MemberExpression" || !runners.test(rootName(node.object) ?? "")) return;
      const member = nameOf(node.property) ?? "";
      if (banned.test(member)) report(node, `.${member} on a test`);
      if (conditional.test(member) && !asksForServer) {
        report(node, `.${member} without a server from test/support/servers.ts`);
      }
    });
    return findings;
  },
};

/** Tests live in a layer that the runner knows. */
export const testLayers = (layers: readonly string[]): Rule => ({
  name: "test layers",
  applies: (path) => /\.test\.[cm]?[jt]sx?$/.test(path),
  check: ({ path }) => {
    const [top, layer, ...rest] = path.split("/");
    if (top === "test" && rest.length > 0 && layers.includes(layer ?? "") && path.endsWith(".test.ts"))
      return [];
    return [{ line: 1, what: `a test outside of test/{${layers.join(",")}}` }];
  },
});
