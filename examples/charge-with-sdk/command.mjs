// The command line of the shops: whom they pay, and how to buy from them.
import { tUSDM } from "./cardano.mjs";

const usage = (script) => `usage: node ${script} ADDRESS [PORT [FACILITATOR]]

Sells a page for 10 cents in tUSDM, or for 2 ada, as the buyer chooses.

  ADDRESS      Cardano address that is paid
  PORT         default: 4000
  FACILITATOR  URL that the command 'facilitator serve' answers at (default: http://127.0.0.1:3000)`;

// The address that is paid, the port, and the facilitator's URL.
export function readArguments(script) {
  const [payTo, port = "4000", facilitator = "http://127.0.0.1:3000"] = process.argv.slice(2);
  if (payTo === "--help" || payTo === "-h") {
    console.log(usage(script));
    process.exit(0);
  }
  if (payTo === undefined || payTo.startsWith("-") || !/^[0-9]+$/.test(port)) {
    console.error(usage(script));
    process.exit(2);
  }
  return [payTo, Number(port), facilitator];
}

// Prints the page's URL, and a command for either choice.
export function sayHowToBuy(port) {
  const url = `http://127.0.0.1:${port}/forecast`;
  console.log(`selling ${url}
pay in ada:   facilitator pay ${url}
pay in tUSDM: facilitator pay ${url} --asset ${tUSDM}`);
}
