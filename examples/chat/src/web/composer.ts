import { bodyCharsMax, countChars } from "../protocol.js";
import { find } from "./dom.js";

/** From here on the remaining characters are shown. */
const counterFrom = bodyCharsMax - 400;

/** Where messages are written. */
export class Composer {
  readonly #form = find("composer", HTMLFormElement);
  readonly #body = find("body", HTMLTextAreaElement);
  readonly #send = find("send", HTMLButtonElement);
  readonly #counter = find("counter", HTMLElement);

  /** `send` is called with each message, which is neither empty nor too long; `wrote` with each change of the text. */
  constructor(send: (body: string) => void, wrote: (isEmpty: boolean) => void) {
    this.#body.addEventListener("input", () => {
      this.#update();
      wrote(this.#body.value.trim() === "");
    });
    this.#body.addEventListener("keydown", (event) => {
      // While an input method composes, Enter is its own.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#form.requestSubmit();
    });
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      const body = this.#body.value.trim();
      if (body === "" || countChars(body) > bodyCharsMax) return;
      this.#body.value = "";
      this.#update();
      this.#body.focus();
      wrote(true);
      send(body);
    });
    this.#update();
  }

  /** Puts the cursor in, where that does not bring up a keyboard on the screen. */
  focus(): void {
    if (matchMedia("(pointer: fine)").matches) this.#body.focus();
  }

  #update(): void {
    const count = countChars(this.#body.value.trim());
    this.#send.disabled = count === 0 || count > bodyCharsMax;
    this.#counter.hidden = count < counterFrom;
    this.#counter.classList.toggle("over", count > bodyCharsMax);
    this.#counter.textContent = `${count} of ${bodyCharsMax} characters`;
    // Grows with its text up to the limit in the style sheet.
    this.#body.style.height = "auto";
    this.#body.style.height = `${this.#body.scrollHeight}px`;
  }
}
