import { make } from "./dom.js";

/** Steps of the golden angle keep neighbours far apart on the color wheel. */
const goldenAngle = 137.508;
const firstHue = 85;

/** A node's color is the same in every tab: made from the number at the end of its name, or from all of it. */
function hueOf(shortName: string): number {
  const digits = /(\d{1,6})$/.exec(shortName)?.[1];
  const number = digits === undefined ? sum(shortName) : Number(digits);
  return Math.round((firstHue + number * goldenAngle) % 360);
}

function sum(text: string): number {
  let total = 0;
  for (const char of text) total += char.codePointAt(0) ?? 0;
  return total;
}

/** `n1` of `n1@127.0.0.1`. */
export function shortNodeName(node: string): string {
  return node.split("@", 1)[0] || node;
}

/** A node's name in the node's color; pointing at it shows the full name. */
export function nodeBadge(node: string): HTMLElement {
  const short = shortNodeName(node);
  const badge = make("span", { className: "node", title: node, textContent: short });
  badge.style.setProperty("--hue", String(hueOf(short)));
  return badge;
}
