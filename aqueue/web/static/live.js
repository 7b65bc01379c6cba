/**
 * The live channel: one websocket for the page, over which the server says what has changed. It comes back by itself,
 * after growing waits, and goes on where it was; as long as it is away, it says so and since when.
 * @module
 */

const FIRST_WAIT = 500;
const LONGEST_WAIT = 15_000;

/**
 * @typedef {Object} Change what the server says
 * @property {number} cursor
 * @property {Object[]} jobs that changed
 * @property {boolean} more  more changed than these: read again
 * @property {string[]} removed
 * @property {Object} status
 * @property {Object} [output] of the run that is followed
 *
 * @typedef {Object} Lost  the channel is away
 * @property {Date} since
 * @property {number} wait milliseconds until it is tried again; 0 while it is tried
 */

/** The live channel. It is quiet until `start`. */
export class Live {
  #socket = null;
  #cursor = null;
  #wait = FIRST_WAIT;
  #timer = 0;
  #since = new Date();
  #followed = null;
  #heard = () => {};
  #arrive = () => {};

  /** The newest status that was told; null before the first. */
  status = null;

  /** Resolves when the first word has come. */
  arrived = new Promise((resolve) => (this.#arrive = resolve));

  /**
   * @param {Object} listeners
   * @param {(change: Change, first: boolean) => void} listeners.onChange  `first` after each new connection
   * @param {() => void} listeners.onLive
   * @param {(lost: Lost) => void} listeners.onLost
   */
  constructor({ onChange, onLive, onLost }) {
    this.onChange = onChange;
    this.onLive = onLive;
    this.onLost = onLost;
    addEventListener("online", () => this.retry());
    document.addEventListener("visibilitychange", () => document.hidden || this.retry());
  }

  /** Connect. */
  start() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const query = this.#cursor === null ? "" : `?cursor=${this.#cursor}`;
    const socket = new WebSocket(`${scheme}//${location.host}/api/live${query}`);
    let first = true;
    socket.onopen = () => this.#followed && this.#send({ follow: this.#followed });
    socket.onmessage = ({ data }) => {
      if (socket !== this.#socket) return;
      this.#hear(JSON.parse(data), first);
      first = false;
    };
    socket.onclose = () => socket === this.#socket && this.#lose();
    this.#socket = socket;
  }

  /** Try again now, if the channel is away and waits. */
  retry() {
    if (!this.#timer) return;
    this.onLost({ since: this.#since, wait: 0 });
    this.start();
  }

  /** Leave a connection that may be dead without knowing it, and make a new one. */
  renew() {
    if (this.#timer || !this.#socket) return this.retry();
    const old = this.#socket;
    this.start();
    old.close();
  }

  /**
   * Follow the output of a run from a position on; `heard` is called with what comes. The next call ends it.
   * @param {{job: string, run: number, start: number}|null} what
   * @param {(output: Object) => void} [heard]
   */
  follow(what, heard = () => {}) {
    this.#followed = what;
    this.#heard = heard;
    this.#send({ follow: what });
  }

  #send(message) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #hear(change, first) {
    this.#cursor = change.cursor;
    this.status = change.status;
    if (first) {
      this.#since = null;
      this.#wait = FIRST_WAIT;
      this.onLive();
      this.#arrive();
    }
    this.onChange(change, first);
    if (change.output) this.#hearOutput(change.output);
  }

  #hearOutput(output) {
    if (output.job !== this.#followed?.job || output.run !== this.#followed?.run) return;
    this.#followed.start = output.next;
    this.#heard(output);
  }

  #lose() {
    this.#since ??= new Date();
    this.#socket = null;
    const wait = this.#wait * (0.8 + 0.4 * Math.random());
    this.#wait = Math.min(LONGEST_WAIT, this.#wait * 2);
    this.#timer = setTimeout(() => this.retry(), wait);
    this.onLost({ since: this.#since, wait });
  }
}
