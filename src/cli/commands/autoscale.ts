import type { Command } from "commander";
import { addAutoscaleStatus } from "./autoscale-status.js";

/** Adds `simurgh autoscale`. */
export function addAutoscale(program: Command, onExitCode: (code: number) => void): void {
  const autoscale = program
    .command("autoscale")
    .description("What has to do with fleets that scale by themselves.");
  addAutoscaleStatus(autoscale, onExitCode);
}
