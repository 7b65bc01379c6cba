/**
 * Work that is asked for often and done seldom: at once if it was not done for a while, else a little later, once for
 * all who asked. It never overlaps itself, leaves the server alone for ten times as long as it took, and waits while
 * nobody looks at the page.
 * @module
 */

/**
 * @param {() => Promise<void>} work what is to be done; an error ends nothing
 * @param {number} least milliseconds from one end to the next start
 * @param {AbortSignal} signal ends it
 * @returns {() => void} asks for it
 */
export function pace(work, least, signal) {
  let wanted = false;
  let busy = false;
  let free = 0;
  let timer = 0;

  async function run() {
    timer = 0;
    wanted = false;
    busy = true;
    const began = performance.now();
    await work().catch(() => {});
    busy = false;
    free = performance.now() + Math.max(least, 10 * (performance.now() - began));
    if (wanted) plan();
  }

  function plan() {
    if (busy || timer || document.hidden || signal.aborted) return;
    timer = setTimeout(run, Math.max(0, free - performance.now()));
  }

  document.addEventListener("visibilitychange", () => wanted && plan(), { signal });
  signal.addEventListener("abort", () => clearTimeout(timer));
  return () => {
    wanted = true;
    plan();
  };
}
