// Reads the data beside the page. The operator's key goes in a header, never into a URL.

const KEY = "facilitator-dashboard-key";
const base = new URL(location.pathname, location.origin);

/** A refusal or a failure, in a sentence. */
export class Failure extends Error {
  constructor(status, reason, message, retrySeconds = 0) {
    super(message);
    Object.assign(this, { status, reason, retrySeconds });
  }
}

export const storedKey = () => sessionStorage.getItem(KEY);
export const keepKey = (key) => sessionStorage.setItem(KEY, key);
export const forgetKey = () => sessionStorage.removeItem(KEY);

/** The JSON of `data/…`, with these parameters. Throws a `Failure`. */
export async function data(path, parameters = {}, signal = undefined) {
  const url = new URL(`dashboard/data/${path}`, base);
  url.search = new URLSearchParams(parameters);
  return (await ask(url, signal)).json();
}

/** The state of every dependency, whatever its status. */
export async function health(signal) {
  const response = await send(new URL("health", base), signal);
  return response.json();
}

/** The page of metrics as text. Throws a `Failure`. */
export const metrics = async (signal) => (await ask(new URL("metrics", base), signal)).text();

async function ask(url, signal) {
  const response = await send(url, signal);
  if (response.ok) return response;
  const { error = "", message = "" } = await response.json().catch(() => ({}));
  const retry = Number(response.headers.get("Retry-After"));
  throw new Failure(response.status, error, message || `The answer is ${response.status}.`, retry);
}

async function send(url, signal) {
  const key = storedKey();
  const headers = key === null ? {} : { "X-API-Key": key };
  try {
    return await fetch(url, { headers, signal, cache: "no-store", redirect: "error" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Failure(0, "unreachable", "The facilitator cannot be reached.");
  }
}
