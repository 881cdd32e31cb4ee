import { find, make, timeElement } from "./dom.js";
import { nodeBadge } from "./node-badge.js";
import type { Entry, MessageEntry, Room } from "./room.js";

/** Messages of one person within this time stand together under one name. */
const togetherMs = 120_000;
/** A reader this near to the end is taken along to new messages. */
const nearEndPx = 60;

/** Shows the messages of the current room. */
export class MessagesView {
  readonly #box = find("messages", HTMLElement);
  readonly #list = find("list", HTMLOListElement);
  readonly #empty = find("empty", HTMLElement);
  readonly #jump = find("jump", HTMLButtonElement);
  readonly #items = new Map<string, HTMLLIElement>();
  readonly #retry: (entry: MessageEntry) => void;
  #last: Entry | undefined;
  #followsEnd = true;
  #missed = 0;

  /** `retry` is called with a message that is to be sent again. */
  constructor(retry: (entry: MessageEntry) => void) {
    this.#retry = retry;
    this.#box.addEventListener("scroll", () => this.#scrolled());
    this.#jump.addEventListener("click", () => this.#toEnd());
    // The box shrinks when a phone's keyboard comes up, and the end must stay in sight.
    new ResizeObserver(() => {
      if (this.#followsEnd) this.#toEnd();
    }).observe(this.#box);
  }

  /** Shows another room. */
  show(room: Room): void {
    this.#list.replaceChildren();
    this.#items.clear();
    this.#last = undefined;
    for (const entry of room.entries) this.#append(entry);
    this.#empty.hidden = this.#items.size > 0;
    this.#toEnd();
  }

  /** Shows one more line. */
  added(entry: Entry): void {
    this.#append(entry);
    this.#empty.hidden = true;
    const isOwn = entry.kind === "message" && entry.own;
    if (this.#followsEnd || isOwn) return this.#toEnd();
    if (entry.kind === "message") this.#missed += 1;
    this.#showJump();
  }

  /** Shows what has become of a line. */
  changed(entry: Entry): void {
    const item = this.#items.get(entry.id);
    if (item === undefined || entry.kind !== "message") return;
    this.#fill(item, entry);
    if (this.#followsEnd) this.#toEnd();
  }

  /** Takes a line away. */
  dropped(entry: Entry): void {
    const item = this.#items.get(entry.id);
    // The next one now is the first under its name.
    item?.nextElementSibling?.classList.remove("together");
    item?.remove();
    this.#items.delete(entry.id);
  }

  #append(entry: Entry): void {
    const item = make("li");
    if (entry.kind === "note") {
      item.className = "note";
      item.append(make("span", { textContent: entry.text }), timeElement(entry.at, true));
    } else {
      item.className = "message";
      item.classList.toggle("together", isTogether(this.#last, entry));
      this.#fill(item, entry);
    }
    this.#last = entry;
    this.#items.set(entry.id, item);
    this.#list.append(item);
  }

  #fill(item: HTMLLIElement, entry: MessageEntry): void {
    item.classList.toggle("own", entry.own);
    item.classList.toggle("pending", entry.status === "pending");
    item.classList.toggle("failed", entry.status === "failed");
    const author = make("p", { className: "author", textContent: entry.own ? "You" : entry.name });
    const body = make("p", { className: "body", textContent: entry.body });
    item.replaceChildren(make("div", { className: "bubble" }, author, body, this.#foot(entry)));
  }

  #foot(entry: MessageEntry): HTMLElement {
    const foot = make("p", { className: "foot" });
    if (entry.status === "failed") {
      const again = make("button", { type: "button", className: "link", textContent: "Send again" });
      again.addEventListener("click", () => this.#retry(entry));
      foot.append(make("span", { textContent: `Not sent: ${entry.fault}.` }), again);
      return foot;
    }
    if (entry.status === "pending")
      foot.append(make("span", { className: "sending", textContent: "sending" }));
    if (entry.node !== undefined) foot.append(nodeBadge(entry.node));
    foot.append(timeElement(entry.at));
    return foot;
  }

  #scrolled(): void {
    const { scrollHeight, scrollTop, clientHeight } = this.#box;
    this.#followsEnd = scrollHeight - scrollTop - clientHeight < nearEndPx;
    if (this.#followsEnd) this.#missed = 0;
    this.#showJump();
  }

  #toEnd(): void {
    this.#followsEnd = true;
    this.#missed = 0;
    this.#box.scrollTop = this.#box.scrollHeight;
    this.#showJump();
  }

  #showJump(): void {
    this.#jump.hidden = this.#followsEnd;
    const news = this.#missed === 1 ? "1 new message" : `${this.#missed} new messages`;
    this.#jump.textContent = this.#missed === 0 ? "↓ To the latest" : `↓ ${news}`;
  }
}

function isTogether(before: Entry | undefined, entry: MessageEntry): boolean {
  if (before?.kind !== "message" || before.own !== entry.own || before.name !== entry.name) return false;
  return entry.at.getTime() - before.at.getTime() < togetherMs;
}
