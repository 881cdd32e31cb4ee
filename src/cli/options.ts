import { InvalidArgumentError, Option } from "commander";
import { isNodeName } from "../edges/pubsub/mesh/hello.js";
import { parsePeer } from "../edges/pubsub/mesh/peer-address.js";
import { SimurghError } from "../runtime/errors.js";

/** Makes a parser of whole numbers between two bounds. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
}

/** A name such as `n1@127.0.0.1`. */
export function nodeName(text: string): string {
  if (isNodeName(text)) return text;
  throw new InvalidArgumentError("It must be a node's name, such as n1@127.0.0.1.");
}

/** `name@host:port`, several with commas between them. */
export function peerList(text: string): string[] {
  const peers = text.split(",").map((peer) => peer.trim());
  try {
    for (const peer of peers) parsePeer(peer);
  } catch (error) {
    throw new InvalidArgumentError(error instanceof SimurghError ? `${error.message}.` : String(error));
  }
  return peers;
}

/** `--port`, whose default is the environment's PORT. */
export function portOption(about: string): Option {
  return new Option("--port <port>", about).env("PORT").default(4000).argParser(wholeNumber(0, 65_535));
}

/** `--port` of a command that speaks to a fleet. */
export function doorOption(): Option {
  return portOption("the port of the fleet's door");
}

/** An option of whole seconds. */
export function secondsOption(flags: string, about: string, fallback: number): Option {
  return new Option(flags, about).default(fallback).argParser(wholeNumber(0, 86_400));
}

/** `--log-level`. */
export function logLevelOption(): Option {
  const levels = ["debug", "info", "warn", "error", "silent"];
  return new Option("--log-level <level>", "least severe lines that are written")
    .choices(levels)
    .default("info");
}
