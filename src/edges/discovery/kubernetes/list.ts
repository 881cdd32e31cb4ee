import { type ApiAnswer, getJson } from "../../../runtime/kubernetes/api.js";
import type { ServiceAccount } from "../../../runtime/kubernetes/service-account.js";
import type { KubernetesSettings } from "./options.js";
import { fieldsOf } from "./read-objects.js";

/** All objects of a list, or why it is not to be had. */
export type Listed =
  | { readonly items: readonly unknown[] }
  | { readonly failure: string; readonly afterMs?: number };

const resources = {
  endpointslices: { group: "/apis/discovery.k8s.io/v1", kind: "EndpointSliceList" },
  pods: { group: "/api/v1", kind: "PodList" },
} as const;

/** Lists all objects that the selector selects, page by page. Rejects only when it is cut off by the signal. */
export async function list(
  server: string,
  settings: KubernetesSettings,
  account: ServiceAccount,
  signal: AbortSignal,
): Promise<Listed> {
  const { resource, selector, limits } = settings;
  const { group, kind } = resources[resource];
  const items: unknown[] = [];
  let rest: string | undefined;
  let begins = 1;
  for (let pages = 0; pages < limits.pagesMax; pages++) {
    const url = new URL(`${group}/namespaces/${account.namespace}/${resource}`, server);
    url.searchParams.set("labelSelector", selector);
    url.searchParams.set("limit", String(limits.pageItems));
    // From the cache of the API, which may be a little old and costs it next to nothing. A rest knows its own version.
    if (rest === undefined) url.searchParams.set("resourceVersion", "0");
    else url.searchParams.set("continue", rest);
    const answer = await getJson(url, account, limits.answerBytesMax, signal);
    if (isExpired(answer) && rest !== undefined && begins < 2) {
      // The list changed for too long meanwhile: once more from its beginning.
      begins += 1;
      rest = undefined;
      items.length = 0;
      continue;
    }
    if ("failure" in answer) return answer;
    const page = fieldsOf(answer.json);
    const found = page.items ?? [];
    if (page.kind !== kind || !Array.isArray(found))
      return { failure: `the answer of the API is no ${kind}` };
    items.push(...found);
    const next = fieldsOf(page.metadata).continue;
    if (typeof next !== "string" || next === "") return { items };
    rest = next;
  }
  return { failure: `the list has more than ${limits.pagesMax} pages` };
}

function isExpired(answer: ApiAnswer): boolean {
  return "failure" in answer && answer.status === 410;
}
