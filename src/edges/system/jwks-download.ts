/** Bounds of one download. */
export interface DownloadLimits {
  readonly timeoutMs: number;
  readonly bytesMax: number;
}

/**
 * Downloads a JSON document. Follows no redirect: it could lead from a host that is trusted to one that is not.
 * Rejects when there is none within the limits; the message holds nothing of the answer.
 */
export async function downloadJson(url: URL, { timeoutMs, bytesMax }: DownloadLimits): Promise<unknown> {
  const signal = AbortSignal.timeout(timeoutMs);
  const headers = { accept: "application/json, application/jwk-set+json" };
  const response = await fetch(url, { headers, redirect: "manual", signal }).catch((cause: unknown) => {
    throw new Error(signal.aborted ? `no answer within ${timeoutMs} ms` : reasonOf(cause), { cause });
  });
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new Error(`HTTP ${response.status}`);
  }
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    // Leaving the loop cancels the rest.
    if (bytes > bytesMax) throw new Error(`the answer has more than ${bytesMax} bytes`);
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    // The parser's message would quote the answer.
    throw new Error("the answer is no JSON");
  }
}

/** `fetch` says "fetch failed" and keeps the reason to itself. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const { code } = cause as { code?: unknown }; // Errors of the system have a code; others do not.
  if (typeof code === "string") return code;
  return cause instanceof Error ? cause.message : String(cause);
}
