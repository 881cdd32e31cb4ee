import { InvalidArgumentError } from "commander";
import { describe, expect, test } from "vitest";
import { readDiscover } from "../../src/cli/node/discover-option.js";

describe("--discover", () => {
  test.each([
    ["gossip", "gossip"],
    ["gossip:45900", "gossip"],
    ["dns:nodes.example.org:7000", "dns"],
    ["dns:_mesh._tcp.example.org", "dns"],
    ["dns:nodes.example.org:7000@10.0.0.53,[::1]:5353", "dns"],
    ["file:nodes.json", "file"],
    ["file:/etc/a:b/nodes.yaml", "file"],
    ["kubernetes:chat:mesh", "kubernetes"],
    ["kubernetes:chat:7000@birds", "kubernetes"],
    ["kubernetes:app=chat,tier!=canary:7000", "kubernetes"],
    ["pods:app in (chat, room):mesh@birds", "kubernetes"],
    ["static:10.0.0.1:7000,n2@[fd00::2]:7000", "static"],
  ])("%s is a way to find nodes", (text, kind) => {
    const choice = readDiscover(text);
    expect([choice.text, choice.strategy.kind]).toEqual([text, kind]);
  });

  test.each([
    ["telepathy", "begins with one of gossip, dns, file, kubernetes, pods, static"],
    ["gossip:0", "port"],
    ["dns", "no name"],
    ["dns:nodes.example.org:", "port"],
    ["dns:nodes.example.org:7000@", "IP address"],
    ["file:", "path"],
    ["kubernetes", "service must be a name"],
    ["kubernetes:chat", "port must be"],
    ["kubernetes:chat:0", "port must be"],
    ["kubernetes:chat:7000@", "namespace"],
    ["pods::7000", "no label selector"],
    ["static:nowhere", "neither name@host:port nor host:port"],
  ])("%s is refused with words", (text, words) => {
    expect(() => readDiscover(text)).toThrow(InvalidArgumentError);
    expect(() => readDiscover(text)).toThrow(words);
  });
});
