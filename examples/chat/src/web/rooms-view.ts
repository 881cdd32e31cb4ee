import { find, make } from "./dom.js";
import { hereText } from "./people-view.js";
import type { Room } from "./room.js";

/** What a person can do with rooms. */
export interface RoomsActions {
  open(name: string): void;
  leave(name: string): void;
}

const unreadShownMax = 99;

/** Lists the rooms that the page is in, and enters others. */
export class RoomsView {
  readonly #list = find("rooms", HTMLUListElement);
  readonly #title = find("room-title", HTMLElement);
  readonly #elsewhere = find("unread-elsewhere", HTMLElement);
  readonly #actions: RoomsActions;

  constructor(actions: RoomsActions) {
    this.#actions = actions;
    const input = find("room-input", HTMLInputElement);
    find("room-form", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      const name = toRoomName(input.value);
      if (name === "") return input.focus();
      input.value = "";
      actions.open(name);
    });
  }

  /** Shows how many people are in a room. Nothing else is touched: people come and go while somebody clicks. */
  showPeople(room: Room): void {
    const mark = document.getElementById(hereId(room));
    if (mark !== null) fillHere(mark, room);
  }

  /** Shows all rooms; the first cannot be left. */
  show(rooms: readonly Room[], current: Room): void {
    const focused = document.activeElement?.id;
    this.#title.replaceChildren(make("span", { className: "hash", textContent: "#" }), current.name);
    this.#list.replaceChildren(...rooms.map((room, index) => this.#item(room, room === current, index > 0)));
    if (focused?.startsWith("room:")) document.getElementById(focused)?.focus();
    const unread = rooms.reduce((sum, room) => sum + room.unread, 0);
    const unreadElsewhere = unread - current.unread;
    this.#elsewhere.hidden = unreadElsewhere === 0;
    document.title = `${unread > 0 ? `(${unread}) ` : ""}#${current.name} · Simurgh chat`;
  }

  #item(room: Room, isCurrent: boolean, mayLeave: boolean): HTMLLIElement {
    const hash = make("span", { className: "hash", textContent: "#" });
    const label = make("span", { className: "room-name", textContent: room.name });
    const open = make("button", { type: "button", className: "room", id: `room:${room.name}` }, hash, label);
    if (isCurrent) open.setAttribute("aria-current", "true");
    const here = make("span", { className: "here", id: hereId(room) });
    fillHere(here, room);
    open.append(here);
    if (room.unread > 0) {
      const count = room.unread > unreadShownMax ? `${unreadShownMax}+` : String(room.unread);
      const unseen = make("span", { className: "unseen", textContent: " unread" });
      open.append(make("span", { className: "count", textContent: count }), unseen);
    }
    open.addEventListener("click", () => this.#actions.open(room.name));
    const item = make("li", {}, open);
    if (mayLeave) {
      const leave = make("button", { type: "button", className: "quiet leave", textContent: "✕" });
      leave.setAttribute("aria-label", `Leave ${room.name}`);
      leave.addEventListener("click", () => this.#actions.leave(room.name));
      item.append(leave);
    }
    return item;
  }
}

const hereId = (room: Room): string => `here:${room.name}`;

function fillHere(mark: HTMLElement, room: Room): void {
  const count = room.people.list().length;
  mark.hidden = count === 0;
  mark.title = hereText(count);
  mark.replaceChildren(String(count), make("span", { className: "unseen", textContent: " here" }));
}

const roomNameMax = 64;

/** A room's name out of what was typed, or found in the address; empty when nothing is left. */
export function toRoomName(text: string): string {
  const name = text.trim().replace(/^#/, "").trim().replace(/\s+/g, "-");
  return Array.from(name).slice(0, roomNameMax).join("");
}
