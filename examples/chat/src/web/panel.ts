import { find } from "./dom.js";

/** The side panel: always there on a wide screen, over the messages on a narrow one. */
export class Panel {
  readonly #panel = find("panel", HTMLElement);
  readonly #shade = find("shade", HTMLElement);
  readonly #openButton = find("panel-open", HTMLButtonElement);
  readonly #closeButton = find("panel-close", HTMLButtonElement);
  readonly #narrow = matchMedia("(max-width: 799px)");
  #isOpen = false;

  constructor() {
    this.#openButton.addEventListener("click", () => this.#set(true));
    this.#closeButton.addEventListener("click", () => this.close());
    this.#shade.addEventListener("click", () => this.close());
    this.#narrow.addEventListener("change", () => this.#set(false));
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.close();
    });
    this.#show();
  }

  /** Closes it where it lies over the messages. */
  close(): void {
    if (this.#isOpen) this.#set(false);
  }

  #set(isOpen: boolean): void {
    const wasOpen = this.#isOpen;
    this.#isOpen = isOpen && this.#narrow.matches;
    this.#show();
    if (this.#isOpen) this.#closeButton.focus();
    else if (wasOpen) this.#openButton.focus();
  }

  #show(): void {
    // A closed panel must not be reached by the keyboard or a screen reader.
    this.#panel.inert = this.#narrow.matches && !this.#isOpen;
    this.#panel.classList.toggle("open", this.#isOpen);
    this.#shade.hidden = !this.#isOpen;
    this.#openButton.setAttribute("aria-expanded", String(this.#isOpen));
  }
}
