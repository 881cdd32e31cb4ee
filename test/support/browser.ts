import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BrowserContext, chromium, type Page } from "playwright-core";

/** A page, and what went wrong in it. */
export interface Tab {
  readonly page: Page;
  /** Errors and warnings of the console, and exceptions that nobody caught. */
  readonly problems: string[];
}

/** A real browser with a profile of its own. */
export interface Browser {
  readonly context: BrowserContext;
  open(url: string): Promise<Tab>;
  /** Ends the browser and removes its profile. */
  close(): Promise<void>;
}

/** It runs as root, on machines without a graphics card, and has nobody to report to. */
const args = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Starts Chromium. */
export async function startBrowser(executablePath: string): Promise<Browser> {
  const profile = mkdtempSync(join(tmpdir(), "simurgh-chromium-"));
  const viewport = { width: 1280, height: 800 };
  const context = await chromium.launchPersistentContext(profile, { executablePath, args, viewport });
  return {
    context,
    open: async (url) => {
      const page = await context.newPage();
      page.setDefaultTimeout(10_000);
      const problems: string[] = [];
      page.on("pageerror", (error) => problems.push(String(error)));
      page.on("console", (message) => {
        if (/^(error|warning)$/.test(message.type())) problems.push(`${message.type()}: ${message.text()}`);
      });
      await page.goto(url);
      return { page, problems };
    },
    close: async () => {
      await context.close();
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
