const pollMs = 250;

/**
 * Has this program end in good order, as on SIGTERM, when the npm that runs it has been killed. What npm itself is
 * told, it passes on: its scripts begin with `exec`, so that no shell stands between the two and keeps it back.
 */
export function endWithNpm() {
  if (process.env.npm_lifecycle_event === undefined) return;
  const npm = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === npm) return;
    clearInterval(timer);
    process.kill(process.pid, "SIGTERM");
  }, pollMs);
  timer.unref();
}
