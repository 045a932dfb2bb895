// Shows the view that the fragment of the URL names, and asks for the operator's key if need be.

import { Failure, forgetKey, keepKey, storedKey } from "./api.js";
import { make } from "./dom.js";
import { overview } from "./overview.js";
import { payment } from "./payment.js";
import { payments } from "./payments.js";
import { ZONE } from "./words.js";

const content = document.getElementById("content");
const forget = document.getElementById("forget");
let leaving = new AbortController();

/** The view of a fragment such as `#/payments?state=settled`, and its title. */
function route(fragment) {
  const [path, query = ""] = fragment.slice(1).split("?");
  const [, area = "", transaction] = path.split("/");
  if (area === "payments" && transaction) {
    return ["Payment", (place, signal, failed) => payment(place, transaction, signal, failed)];
  }
  if (area === "payments") {
    const search = new URLSearchParams(query);
    return ["Payments", (place, signal, failed) => payments(place, search, signal, failed)];
  }
  return ["Overview", overview];
}

/** Show the view, in place of the one before. */
async function show({ isFirst = false } = {}) {
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  const [title, view] = route(location.hash || "#/");
  document.title = `${title} · x402 facilitator`;
  forget.hidden = storedKey() === null;
  for (const link of document.querySelectorAll("nav a")) {
    const isHere = link.hash === `#/${title === "Overview" ? "" : "payments"}`;
    if (isHere) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const heading = make("h1", { tabindex: "-1" }, title);
  const place = make("div", { "aria-busy": "true" });
  content.replaceChildren(heading, place);
  if (!isFirst) heading.focus({ preventScroll: true });
  const failed = (error) => {
    if (!signal.aborted) fail(place, error);
  };
  try {
    await view(place, signal, failed);
  } catch (error) {
    failed(error);
  }
  place.removeAttribute("aria-busy");
}

/** Say what went wrong; ask for a key where one is needed. */
function fail(place, error) {
  leaving.abort();
  if (!(error instanceof Failure)) {
    console.error(error);
    place.replaceChildren(make("p", { role: "alert" }, "The page failed: reload it."));
  } else if (error.status === 401 || error.status === 403) {
    askForKey(place, error);
  } else {
    const again = make("button", { type: "button", click: () => show() }, "Try again");
    place.replaceChildren(make("p", { role: "alert" }, error.message), again);
  }
}

function askForKey(place, error) {
  const was = storedKey() === null ? "" : "This key was not taken. ";
  forgetKey();
  forget.hidden = true;
  const input = make("input", {
    id: "key", type: "password", required: "", autocomplete: "off", spellcheck: "false",
    "aria-describedby": "key-why",
  });
  const entered = (event) => {
    event.preventDefault();
    keepKey(input.value.trim());
    show();
  };
  const why = was ? error.message : "It is kept until this tab is closed, and sent to this server alone.";
  place.replaceChildren(make("form", { class: "key", submit: entered },
    make("label", { for: "key" }, "API key of the scope operate"),
    input,
    make("button", {}, "Show payments"),
    make("p", { id: "key-why", role: was ? "alert" : false }, was, why)));
  input.focus();
}

document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault(); // the fragment is that of the view
  content.focus();
});
forget.addEventListener("click", () => {
  forgetKey();
  show();
});
addEventListener("hashchange", () => show());
document.getElementById("footer").append(
  `Times are in ${ZONE}; a day begins at midnight in UTC. Nothing here changes a payment.`);
show({ isFirst: true });
