// What a person sees: a button for each wallet, what happens, and the paid content.

import { buy, WalletError } from "./purchase.js";

const WALLETS_SETTLE_MS = 1000; // extensions put their wallets into the page after it has loaded

const NO_WALLET = "There is no Cardano wallet in this browser: install one, and load the page again.";

const wallets = document.getElementById("wallets");
const message = document.getElementById("message");

function show(text) {
  message.textContent = text;
}

// Codes of CIP-30's APIError, at any step, and of its TxSignError.
const CODES = {
  [-1]: "The wallet cannot use what this page sent",
  [-3]: "The wallet does not let this page ask it",
  [-4]: "Another account was chosen in the wallet, click again",
  1: "The wallet cannot sign it",
  2: "You declined to sign, and nothing was paid",
};

function inWords(error) {
  if (!(error instanceof WalletError)) return error.message;
  return `${CODES[error.code] ?? "The wallet has failed"}: ${error.message}`;
}

async function pay(name) {
  wallets.disabled = true; // one payment at a time
  try {
    const { content, transaction } = await buy("forecast", window.cardano[name], show);
    show(`${content.forecast} (paid in the transaction ${transaction})`);
  } catch (error) {
    show(inWords(error));
  } finally {
    wallets.disabled = false;
  }
}

// CIP-30: each wallet is a property of `window.cardano`, beside others that are none.
function offerWallets() {
  const names = Object.keys(window.cardano ?? {}).filter((name) => window.cardano[name]?.enable);
  for (const name of names) {
    const button = document.createElement("button");
    button.textContent = `Pay with ${window.cardano[name].name}`;
    button.addEventListener("click", () => pay(name));
    wallets.append(button);
  }
  show(names.length ? "" : NO_WALLET);
}

setTimeout(offerWallets, WALLETS_SETTLE_MS);
