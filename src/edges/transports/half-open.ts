import type { Server } from "node:http";
import type { Socket } from "node:net";
import type { Counters } from "../../runtime/counters.js";
import type { LimitReports } from "../../runtime/limits/limit-reports.js";

/**
 * Keeps connections that have not sent a whole request yet from being too many. Beyond the limit the oldest is cut, for
 * a client that means well sends its request at once: those who have been silent longest mean the least.
 */
export class HalfOpen {
  readonly #max: number;
  readonly #counters: Counters;
  readonly #reports: LimitReports;
  /** In the order in which they came. */
  readonly #sockets = new Set<Socket>();
  /** Shared by all connections. */
  readonly #onClose: (this: Socket) => void;

  constructor(max: number, counters: Counters, reports: LimitReports) {
    this.#max = max;
    this.#counters = counters;
    this.#reports = reports;
    const forget = (socket: Socket): void => this.spoke(socket);
    this.#onClose = function () {
      forget(this);
    };
  }

  /** Begins to watch a server. */
  watch(server: Server): void {
    server.on("connection", (socket: Socket) => this.#came(socket));
  }

  /** A connection has sent a whole request, or has gone. */
  spoke(socket: Socket): void {
    if (!this.#sockets.delete(socket)) return;
    socket.off("close", this.#onClose);
    this.#counters.half_open = this.#sockets.size;
  }

  #came(socket: Socket): void {
    if (this.#sockets.size >= this.#max) this.#cutOldest();
    this.#sockets.add(socket);
    socket.on("close", this.#onClose);
    this.#counters.half_open = this.#sockets.size;
  }

  #cutOldest(): void {
    for (const oldest of this.#sockets) {
      this.spoke(oldest);
      this.#reports.exceeded("cut_half_open_total", "halfOpenMax");
      oldest.destroy();
      return;
    }
  }
}
