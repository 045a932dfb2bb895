// Does something again and again, while the tab is visible.

import { Failure } from "./api.js";

const LEAST_SECONDS = 5;

/** Whatever does not pass by itself: no key, no right, nothing there. */
const stays = (error) => !(error instanceof Failure) || [400, 401, 403, 404].includes(error.status);

/**
 * Run the task every so many seconds until the signal; `trouble` gets a failure that may pass, or null.
 *
 * Throws what does not pass.
 */
export async function repeat(seconds, signal, task, trouble) {
  while (!signal.aborted) {
    let pause = seconds;
    try {
      await visible(signal);
      await task();
      trouble(null);
    } catch (error) {
      if (signal.aborted) return;
      if (stays(error)) throw error;
      trouble(error);
      pause = Math.max(seconds, error.retrySeconds, LEAST_SECONDS);
    }
    await event(signal, "abort", signal, pause);
  }
}

const visible = (signal) =>
  document.hidden ? event(document, "visibilitychange", signal) : undefined;

/** Wait for an event of the target, or the end of the signal, or so many seconds. */
const event = (target, name, signal, seconds = undefined) => new Promise((resolve) => {
  const over = new AbortController();
  const timer = seconds === undefined ? undefined : setTimeout(() => done(), seconds * 1000);
  const done = () => {
    clearTimeout(timer);
    over.abort(); // or the listeners would pile up
    resolve();
  };
  target.addEventListener(name, done, { signal: over.signal });
  signal.addEventListener("abort", done, { signal: over.signal });
});
