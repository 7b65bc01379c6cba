/**
 * Pages by their addresses: links are real links, Back and Forward work, and an address that is sent to somebody shows
 * them the same. A page that is open already is told of its new query and stays as it is otherwise.
 * @module
 */

/**
 * @typedef {Object} View how a page is opened
 * @property {Object<string, string>} params of the path
 * @property {URLSearchParams} query
 * @property {AbortSignal} signal aborted when the page is left
 *
 * @typedef {Object} Page
 * @property {string} title
 * @property {HTMLElement} element
 * @property {(change: import("./live.js").Change) => void} [update] what has changed
 * @property {() => void} [refresh] read all of it again
 * @property {(query: URLSearchParams) => Promise<void>} [go] the same page with another query
 *
 * @typedef {Object} Route
 * @property {string} name
 * @property {RegExp} path its named groups are the params
 * @property {(view: View) => Promise<Page>} open
 */

/** Shows pages. There is one. */
export class Router {
  #routes;
  #show;
  #address = "";
  #current = { path: "", page: null, missed: [], leave: new AbortController() };

  /**
   * @param {Route[]} routes the last one takes every path
   * @param {(name: string, page: Page|null, error: Error|null, scroll: number) => void} show puts a page on the screen,
   *     where it was left off
   */
  constructor(routes, show) {
    this.#routes = routes;
    this.#show = show;
    history.scrollRestoration = "manual"; // the browser would scroll before there is anything to scroll
    document.addEventListener("click", (event) => this.#click(event));
    // Also said of a link within the page, which changes nothing here.
    addEventListener("popstate", () => location.pathname + location.search !== this.#address && this.#open());
  }

  /** Tell the page what has changed; one that is still being opened hears of it when it is there. */
  hear(change, isFirst) {
    const { page, missed } = this.#current;
    if (page) tell(page, change, isFirst);
    else missed.push([change, isFirst]);
  }

  /** Show what the address says. */
  start() {
    return this.#open();
  }

  /** Go to an address of ours. */
  go(address, { replace = false } = {}) {
    if (!replace) history.replaceState({ scroll: scrollY }, "");
    history[replace ? "replaceState" : "pushState"](null, "", address);
    return this.#open();
  }

  /** Open the page anew. */
  again() {
    this.#current.path = "";
    return this.#open();
  }

  #click(event) {
    const link = event.target.closest?.("a[href]");
    const special =
      event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey;
    if (!link || special || link.hasAttribute("download") || link.hasAttribute("target")) return;
    const url = new URL(link.getAttribute("href"), location.href);
    if (url.origin !== location.origin || url.hash || !this.#knows(url.pathname)) return;
    event.preventDefault();
    if (url.href !== location.href) this.go(url.href);
  }

  #knows(path) {
    return this.#routes.slice(0, -1).some((route) => route.path.test(path));
  }

  async #open() {
    const { pathname, search } = location;
    const query = new URLSearchParams(search);
    this.#address = pathname + search;
    if (pathname === this.#current.path && this.#current.page?.go) return this.#current.page.go(query);
    this.#current.leave.abort();
    const route = this.#routes.find(({ path }) => path.test(pathname));
    const leave = new AbortController();
    const current = { path: pathname, page: null, missed: [], leave };
    this.#current = current;
    try {
      const params = paramsOf(route.path.exec(pathname));
      const page = await route.open({ params, query, signal: leave.signal });
      if (this.#current !== current) return;
      current.page = page;
      for (const [change, isFirst] of current.missed.splice(0)) tell(page, change, isFirst);
      this.#show(route.name, page, null, history.state?.scroll ?? 0);
    } catch (error) {
      if (this.#current === current) this.#show(route.name, null, error, 0);
    }
  }
}

/** The first word of a connection tells only what comes after it: what was read before may be older. */
function tell(page, change, isFirst) {
  page.update?.(change);
  if (isFirst) page.refresh?.();
}

function paramsOf(match) {
  return Object.fromEntries(Object.entries(match.groups ?? {}).map(([name, text]) => [name, decodeURIComponent(text)]));
}
