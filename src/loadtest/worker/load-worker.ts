import { Prng } from "../../core/shared/prng.js";
import { LoadClient } from "../client/load-client.js";
import { Publisher } from "../client/publisher.js";
import { openConnection } from "../client/target.js";
import type { ClientWorld } from "../client/world.js";
import { Ledger } from "../delivery/ledger.js";
import type { FromWorker, Relay, Tick, ToWorker, WorkerStatus } from "../link/messages.js";
import { connectAtMs, type LoadPlan, type PublishSettings } from "../scenario/plan.js";
import { hasRole } from "../scenario/roles.js";
import { Stamps } from "../wire/stamp.js";
import { type Pace, Pacer } from "./pacer.js";
import { Recorder } from "./recorder.js";
import { type Roster, rosterOf } from "./roster.js";
import { Watch } from "./watch.js";

/** How often a worker tells what it has measured. */
const tickMsUsual = 1_000;
const relayMs = 250;
const rampTurnMs = 10;
/** How long a client that reads late reads between two pauses. */
const slowReadMs = 250;

const silent: PublishSettings = {
  event: "shout",
  rate: 0,
  bytesMin: 0,
  bytesMax: 0,
  arrivals: "even",
  expect: "none",
  echo: true,
  payload: "{message}",
};

/** One worker's part of a run. */
export class LoadWorker {
  readonly #plan: LoadPlan;
  readonly #order: Extract<ToWorker, { kind: "plan" }>;
  readonly #nowUs: () => number;
  readonly #send: (message: FromWorker) => void;
  readonly #recorder = new Recorder();
  readonly #watch = new Watch();
  readonly #roster: Roster;
  readonly #ledger: Ledger;
  readonly #publisher: Publisher;
  readonly #random: Prng;
  readonly #clients: readonly LoadClient[];
  readonly #timers: NodeJS.Timeout[] = [];
  #publishing: Pacer | undefined;
  #churning: Pacer | undefined;
  #open = 0;
  #joined = 0;
  #joinedMin = 0;
  #gone = 0;
  #awaited = 0;
  #cursor = 0;
  #isOver = false;
  #tickFromUs: number;

  constructor(
    order: Extract<ToWorker, { kind: "plan" }>,
    nowUs: () => number,
    send: (message: FromWorker) => void,
    tickMs = tickMsUsual,
  ) {
    const { plan, worker, workers } = order;
    this.#plan = plan;
    this.#order = order;
    this.#nowUs = nowUs;
    this.#send = send;
    this.#tickFromUs = nowUs();
    this.#random = new Prng(plan.seed, `worker ${worker}`);
    this.#publisher = new Publisher(plan.publish ?? silent, new Prng(plan.seed, `sizes ${worker}`));
    this.#roster = rosterOf(plan, worker, workers);
    this.#ledger = new Ledger({
      worker,
      settleUs: plan.limits.settleMs * 1_000,
      lateUs: plan.limits.lateMs * 1_000,
      echo: plan.publish?.echo ?? true,
      groups: this.#roster.groups,
      count: (name, by) => this.#recorder.count(name, by),
    });
    const world = this.#world();
    this.#clients = this.#roster.clients.map(
      (index, i) => new LoadClient(index, this.#roster.slots[i] ?? [], world),
    );
    this.#every(tickMs, () => this.#send({ kind: "tick", ...this.#tick() }));
    this.#every(relayMs, () => this.#relay());
  }

  #world(): ClientWorld {
    const { plan, run, worker } = this.#order;
    return {
      plan,
      run,
      worker,
      stamps: new Stamps(run),
      ledger: this.#ledger,
      recorder: this.#recorder,
      groups: this.#roster.groups,
      publisher: this.#publisher,
      nowUs: this.#nowUs,
      open: (client, owner) => openConnection(plan, run, client, owner),
      isOver: () => this.#isOver,
      onJoined: (change) => {
        this.#joined += change;
        this.#joinedMin = Math.min(this.#joinedMin, this.#joined);
      },
      onOpen: (change) => {
        this.#open += change;
      },
      onAwaited: (change) => {
        this.#awaited += change;
      },
      onGone: () => {
        this.#gone += 1;
      },
    };
  }

  #every(periodMs: number, act: () => void): void {
    this.#timers.push(setInterval(act, periodMs));
  }

  #at(atUs: number, act: () => void): void {
    this.#timers.push(setTimeout(act, Math.max(0, (atUs - this.#nowUs()) / 1_000)));
  }

  /** Does what the coordinator says. */
  handle(message: ToWorker): void {
    if (message.kind === "ramp") this.#ramp(message.atUs);
    else if (message.kind === "go") this.#go(message.atUs);
    else if (message.kind === "kill") this.#ledger.addKill(message);
    else if (message.kind === "relay") this.#onRelay(message);
    else if (message.kind === "stop") this.#stop();
    else if (message.kind === "finish") this.#finish();
  }

  #ramp(atUs: number): void {
    let next = 0;
    const timer = setInterval(() => {
      const elapsedMs = (this.#nowUs() - atUs) / 1_000;
      for (; next < this.#clients.length; next += 1) {
        const client = this.#clients[next];
        if (client === undefined || connectAtMs(this.#plan, client.index) > elapsedMs) break;
        if (!this.#isOver) client.connect();
      }
      if (next >= this.#clients.length) clearInterval(timer);
    }, rampTurnMs);
    this.#timers.push(timer);
  }

  #go(atUs: number): void {
    const { publish, churn, storms, slow, durationMs, seed } = this.#plan;
    const { worker, workers } = this.#order;
    const span = { fromUs: atUs, toUs: atUs + durationMs * 1_000 };
    const start = (pace: Pick<Pace, "rate" | "arrivals">, what: string, onDue: (dueUs: number) => void) => {
      const random = new Prng(seed, `${what} ${worker}`);
      return new Pacer({ ...pace, worker, workers }, random, span, this.#nowUs, onDue);
    };
    if (publish !== null) this.#publishing = start(publish, "publish", (dueUs) => this.#publish(dueUs));
    const even = { rate: churn, arrivals: "even" } as const;
    if (churn > 0) this.#churning = start(even, "churn", () => this.#churn());
    storms.forEach(({ atMs, share }) => {
      this.#at(atUs + atMs * 1_000, () => {
        for (const client of this.#clients) if (hasRole(client.index, share, "storm")) client.leave();
      });
    });
    if (slow.share > 0) this.#readLate();
  }

  #publish(dueUs: number): void {
    const count = this.#clients.length;
    for (let n = 0; n < count && this.#joined > 0; n++) {
      const turn = this.#cursor;
      this.#cursor += 1;
      if (this.#clients[turn % count]?.publish(Math.floor(turn / count), dueUs) === true) return;
    }
    this.#recorder.count("unsent");
  }

  #churn(): void {
    const count = this.#clients.length;
    const start = Math.floor(this.#random.fraction() * count);
    for (let n = 0; n < count; n++) {
      const client = this.#clients[(start + n) % count];
      if (client?.isIn !== true) continue;
      client.leave();
      return;
    }
  }

  #readLate(): void {
    const late = this.#clients.filter(({ index }) => hasRole(index, this.#plan.slow.share, "slow"));
    this.#every(this.#plan.slow.pauseMs + slowReadMs, () => {
      for (const client of late) client.hold(true);
      const release = () => {
        for (const client of late) client.hold(false);
      };
      this.#timers.push(setTimeout(release, this.#plan.slow.pauseMs));
    });
  }

  #relay(): void {
    const nowUs = this.#nowUs();
    for (const client of this.#clients) client.sweep(nowUs);
    this.#ledger.settle(nowUs);
    const published = this.#publisher.takeUntold();
    const doubted = this.#ledger.newlyDoubtful(nowUs);
    if (published.length > 0 || doubted.length > 0) {
      this.#send({ kind: "relay", worker: this.#order.worker, published, doubted });
    }
    this.#send({ kind: "status", status: this.#status(this.#isOver) });
  }

  #onRelay({ worker, published, doubted }: Relay): void {
    for (const [topic, first, sentUs] of published) {
      if (!this.#roster.groups.has(topic)) continue;
      sentUs.forEach((atUs, i) => {
        this.#ledger.published(worker, topic, first + i, atUs);
      });
    }
    for (const [topic, seq] of doubted) this.#ledger.doubted(worker, topic, seq);
  }

  #status(counts: boolean): WorkerStatus {
    return {
      open: this.#open,
      joined: this.#joined,
      joinedMin: this.#joinedMin,
      gone: this.#gone,
      clients: this.#clients.length,
      pending: counts ? this.#ledger.pending() + this.#awaited : 0,
    };
  }

  #tick(): Tick {
    const [fromUs, toUs] = [this.#tickFromUs, this.#nowUs()];
    this.#tickFromUs = toUs;
    const recorded = this.#recorder.take();
    const status = this.#status(false);
    this.#joinedMin = this.#joined;
    return { fromUs, toUs, status, recorded, watch: this.#watch.take() };
  }

  #stop(): void {
    const left = this.#publishing?.stop() ?? 0;
    this.#isOver = true;
    this.#churning?.stop();
    this.#recorder.count("unsent", left);
    this.#relay();
  }

  #finish(): void {
    this.#stop();
    this.#ledger.settle(this.#nowUs(), true);
    const tick = this.#tick();
    this.close();
    this.#send({ kind: "final", ...tick });
  }

  /** Ends everything. */
  close(): void {
    this.#isOver = true;
    for (const timer of this.#timers) clearInterval(timer);
    this.#publishing?.stop();
    this.#churning?.stop();
    for (const client of this.#clients) client.end();
    this.#watch.stop();
  }
}
