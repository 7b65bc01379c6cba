/**
 * What time it is where the jobs run: the clock of a reader's machine may be wrong, and ages are reckoned from the
 * server's times.
 * @module
 */

const TOLERATED = 2000; // milliseconds: the server tells its time to the second

let ahead = 0;

/** The server's time, in milliseconds since the epoch. */
export function now() {
  return Date.now() + ahead;
}

/** Learn from the `Date` of an answer. */
export function learn(date) {
  const difference = Date.parse(date ?? "") - Date.now();
  if (!Number.isNaN(difference)) ahead = Math.abs(difference) < TOLERATED ? 0 : difference;
}
