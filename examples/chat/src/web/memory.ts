import { nameCharsMax } from "../protocol.js";

/** Browsers may forbid storage, and then throw; the page works without a memory too. */
function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}

const nameKey = "simurgh-chat:name";
const roomsKey = "simurgh-chat:rooms";

/** The name that this browser's person has chosen. */
export function recallName(): string | undefined {
  return attempt(() => localStorage.getItem(nameKey)?.slice(0, nameCharsMax)) || undefined;
}

/** Keeps the chosen name for all tabs to come. */
export function rememberName(name: string): void {
  attempt(() => localStorage.setItem(nameKey, name));
}

/** Names of the rooms that were open in this tab. */
export function recallRooms(): string[] {
  const stored: unknown = attempt(() => JSON.parse(sessionStorage.getItem(roomsKey) ?? "[]"));
  return Array.isArray(stored) ? stored.filter((name) => typeof name === "string") : [];
}

/** Keeps the open rooms for the next load of this tab. */
export function rememberRooms(names: readonly string[]): void {
  attempt(() => sessionStorage.setItem(roomsKey, JSON.stringify(names)));
}
