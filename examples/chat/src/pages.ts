import { existsSync } from "node:fs";
import type { RequestListener, ServerResponse } from "node:http";
import { basename, extname } from "node:path";
import serveStatic from "serve-static";

/** The page runs its own files only, and talks to nobody but the server that it came from. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const headersOfAll = {
  // To a balancer that counts connections an idle one weighs as much as a person who chats, and tabs would gather.
  connection: "close",
  "content-security-policy": contentSecurityPolicy,
  "cross-origin-opener-policy": "same-origin",
  "referrer-policy": "same-origin",
  "x-content-type-options": "nosniff",
};

/** Names of built files tell their content: `main-2XJ4QK7A.js` never changes. */
const hashed = /-[0-9A-Z]{8}\.\w+(\.map)?$/;

/** Serves the files of a folder, and nothing else. Throws when the page was not built. */
export function servePages(folder: string): RequestListener {
  if (!existsSync(`${folder}/index.html`)) {
    throw new Error(`there is no page in ${folder}: run "npm run build" first`);
  }
  const files = serveStatic(folder, {
    acceptRanges: false,
    cacheControl: false,
    redirect: false,
    setHeaders: setCaching,
  });
  return (request, response) => {
    for (const [name, value] of Object.entries(headersOfAll)) response.setHeader(name, value);
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.setHeader("allow", "GET, HEAD");
      return answer(response, 405, "Method Not Allowed");
    }
    files(request, response, (fault?: unknown) => {
      if (response.headersSent) response.destroy();
      else if (fault === undefined) answer(response, 404, "Not Found");
      else answer(response, 500, "Internal Server Error");
    });
  };
}

function setCaching(response: ServerResponse, path: string): void {
  const lasts = extname(path) !== ".html" && hashed.test(basename(path));
  response.setHeader("cache-control", lasts ? "public, max-age=31536000, immutable" : "no-store");
}

function answer(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" });
  response.end(`${text}\n`);
}
