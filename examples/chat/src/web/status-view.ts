import type { Connection, Reconnect } from "./connection.js";
import { durationText, find, make, timeElement } from "./dom.js";
import { nodeBadge, shortNodeName } from "./node-badge.js";

const transportNames = { websocket: "WebSocket", longpoll: "long polling" };

/** Shows how the page is connected, and how it was. */
export class StatusView {
  readonly #status = find("status", HTMLElement);
  readonly #detail = find("connection-detail", HTMLElement);
  readonly #kill = find("kill", HTMLButtonElement);
  readonly #history = find("history", HTMLOListElement);
  readonly #historyEmpty = find("history-empty", HTMLElement);
  readonly #offline = find("offline", HTMLElement);

  /** `kill` is called when the node is to die. */
  constructor(kill: () => void) {
    this.#kill.addEventListener("click", () => {
      // One death is enough; the next state brings the button back.
      this.#kill.disabled = true;
      kill();
    });
  }

  /** Shows the state of now. */
  show({ state, reconnects }: Connection): void {
    this.#status.className = state.kind;
    this.#offline.hidden = state.kind !== "reconnecting";
    this.#kill.disabled = state.kind !== "connected";
    switch (state.kind) {
      case "connecting":
        this.#status.replaceChildren("connecting");
        this.#detail.replaceChildren("Looking for a node.");
        break;
      case "reconnecting":
        this.#status.replaceChildren("reconnecting");
        this.#detail.replaceChildren("Lost ", nodeBadge(state.from), ", looking for another node.");
        break;
      case "connected": {
        const { node, transport, supervised } = state.welcome;
        const words = make("span", { className: "status-words", textContent: "connected to " });
        this.#status.replaceChildren(words, nodeBadge(node));
        this.#detail.replaceChildren("On ", nodeBadge(node), ` by ${transportNames[transport]}.`);
        this.#kill.hidden = !supervised;
        this.#kill.textContent = `Kill ${shortNodeName(node)}`;
        this.#kill.title = `Ends the process of ${node} at once; it is started again`;
        break;
      }
      default:
        state satisfies never;
    }
    this.#historyEmpty.hidden = reconnects.length > 0;
    this.#history.replaceChildren(...reconnects.map(historyItem));
  }
}

function historyItem({ at, from, to, tookMs, hidden }: Reconnect): HTMLLIElement {
  const took = hidden ? "in the background" : durationText(tookMs);
  const arrow = make("span", { className: "arrow", textContent: "→" });
  const way = make("span", { className: "way" }, nodeBadge(from), arrow, nodeBadge(to));
  return make("li", {}, timeElement(at, true), way, make("span", { className: "took", textContent: took }));
}
