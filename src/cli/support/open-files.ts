/** Open files that are needed besides those of the clients: listeners, checks, logs, libraries. */
const reserve = 256;
const clientsMin = 64;
const clientsMax = 65_536;
/** What to assume where the system does not tell. */
const openFilesAssumed = 8_192;

/** How many clients a balancer of this user can hold: each takes two open files. */
export function clientsByOpenFiles(): number {
  const clients = Math.floor((openFilesMax() - reserve) / 2);
  return Math.max(clientsMin, Math.min(clients, clientsMax));
}

/** Node raises its own soft limit to the hard one, and child processes inherit that. */
function openFilesMax(): number {
  const report: { userLimits?: { open_files?: { soft?: unknown } } } = process.report.getReport();
  const soft = report.userLimits?.open_files?.soft;
  if (soft === "unlimited") return Number.POSITIVE_INFINITY;
  return typeof soft === "number" ? soft : openFilesAssumed;
}
