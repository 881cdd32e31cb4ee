type Child = Node | string;

/** Makes an element. Text goes in as text: nothing that a person wrote is ever read as HTML. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Partial<HTMLElementTagNameMap[K]> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  Object.assign(element, properties);
  element.append(...children);
  return element;
}

/** The element of the page with that id, which must be of that kind. */
export function find<T extends HTMLElement>(id: string, kind: new () => T): T {
  const element = document.getElementById(id);
  if (element instanceof kind) return element;
  throw new Error(`the page has no ${kind.name} #${id}`);
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const clockWithSeconds = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
});

/** A moment as the time of day. */
export function timeElement(at: Date, seconds = false): HTMLTimeElement {
  const text = (seconds ? clockWithSeconds : clock).format(at);
  return make("time", { dateTime: at.toISOString(), title: at.toLocaleString(), textContent: text });
}

/** A length of time for people: `0.4 s`, `12 s`, `3 min`. */
export function durationText(ms: number): string {
  if (ms < 9_950) return `${(ms / 1_000).toFixed(ms < 995 ? 2 : 1)} s`;
  if (ms < 90_000) return `${Math.round(ms / 1_000)} s`;
  return `${Math.round(ms / 60_000)} min`;
}
