import type { Device } from "../protocol.js";
import { find, make } from "./dom.js";
import { nodeBadge } from "./node-badge.js";
import type { Person } from "./people.js";

/** Above: the others are a number. */
const peopleShownMax = 40;
const nodesShownMax = 3;
/** Above: several people are typing. */
const typistsNamedMax = 3;
/** What this tab itself types is known as such a moment later than that somebody does. */
const typingDelayMs = 60;

/** Shapes of devices, drawn in a square of 16. */
const deviceShapes: Record<Device, { readonly words: string; readonly path: string }> = {
  desktop: { words: "on a computer", path: "M2.5 3h11v7.5h-11zM1 13h14" },
  phone: { words: "on a phone", path: "M4.5 1.5h7v13h-7zM7 12.5h2" },
};

/** Shows who is in the current room, and who is typing there. */
export class PeopleView {
  readonly #list = find("people", HTMLUListElement);
  readonly #title = find("people-count", HTMLElement);
  readonly #more = find("people-more", HTMLElement);
  readonly #bar = find("room-here", HTMLElement);
  readonly #typing = find("typing", HTMLElement);
  #shown = "";
  #typists: readonly string[] = [];
  #timer: number | undefined;

  /** Shows these; `me` is the name that this tab goes by. */
  show(people: readonly Person[], me: string | undefined): void {
    const sorted = people.toSorted((one, other) => order(one, other, me));
    // Most changes are of other rooms, or of who is typing.
    const state = JSON.stringify([me, sorted.map((person) => ({ ...person, typing: false }))]);
    if (state !== this.#shown) this.#showList(sorted, me);
    this.#shown = state;
    this.#typists = sorted.filter(({ typing }) => typing).map(({ name }) => name);
    this.#timer ??= setTimeout(() => this.#showTyping(), typingDelayMs);
  }

  #showList(people: readonly Person[], me: string | undefined): void {
    this.#list.replaceChildren(
      ...people.slice(0, peopleShownMax).map((person) => personItem(person, person.name === me)),
    );
    // What scrolls must be within reach of the keyboard; what does not need not be in its way.
    if (this.#list.scrollHeight > this.#list.clientHeight) this.#list.tabIndex = 0;
    else this.#list.removeAttribute("tabindex");
    const more = people.length - peopleShownMax;
    this.#more.hidden = more <= 0;
    this.#more.textContent = `and ${more} more`;
    this.#title.textContent = people.length === 0 ? "" : String(people.length);
    this.#bar.textContent = people.length === 0 ? "" : hereText(people.length);
  }

  #showTyping(): void {
    this.#timer = undefined;
    const text = typingText(this.#typists);
    if (this.#typing.textContent !== text) this.#typing.textContent = text;
  }
}

/** `1 person here`, `3 people here`. */
export function hereText(count: number): string {
  return count === 1 ? "1 person here" : `${count} people here`;
}

/** Who is typing, in a line that has an end. */
function typingText(names: readonly string[]): string {
  if (names.length === 0) return "";
  if (names.length > typistsNamedMax) return "Several people are typing…";
  const last = names.at(-1);
  if (names.length === 1) return `${last} is typing…`;
  return `${names.slice(0, -1).join(", ")} and ${last} are typing…`;
}

/** This tab's own name stands first, the others by name. */
function order(one: Person, other: Person, me: string | undefined): number {
  if (one.name === me || other.name === me) return one.name === me ? -1 : 1;
  return one.name.localeCompare(other.name) || (one.name < other.name ? -1 : 1);
}

function personItem({ name, sessions, nodes, devices, away }: Person, isMe: boolean): HTMLLIElement {
  const label = make("span", { className: "person-name", textContent: name, title: name });
  const item = make("li", { className: "person" }, label);
  if (isMe) item.append(make("span", { className: "person-you", textContent: "you" }));
  if (sessions > 1) {
    const times = make("span", { className: "sessions", textContent: `×${sessions}` });
    times.title = `${sessions} sessions`;
    item.append(times);
  }
  const where = make("span", { className: "person-where" });
  for (const device of devices) where.append(...deviceIcon(device));
  for (const node of nodes.slice(0, nodesShownMax)) where.append(nodeBadge(node));
  if (nodes.length > nodesShownMax) where.append(`+${nodes.length - nodesShownMax}`);
  item.append(where);
  item.classList.toggle("away", away);
  item.dataset.name = name;
  return item;
}

const svg = "http://www.w3.org/2000/svg";

/** A picture, and the same in words for those who do not see it. */
function deviceIcon(device: Device): Node[] {
  // What another client says is its own; it may be anything.
  const { words, path } = deviceShapes[device] ?? deviceShapes.desktop;
  const icon = document.createElementNS(svg, "svg");
  icon.setAttribute("class", "device");
  icon.setAttribute("viewBox", "0 0 16 16");
  icon.setAttribute("aria-hidden", "true");
  const shape = document.createElementNS(svg, "path");
  shape.setAttribute("d", path);
  const title = document.createElementNS(svg, "title");
  title.textContent = words;
  icon.append(title, shape);
  return [icon, make("span", { className: "unseen", textContent: ` ${words} ` })];
}
