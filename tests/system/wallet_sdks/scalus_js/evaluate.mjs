// Evaluates the scripts of transactions. Its word is a file of {slots, costs, cases}, and a case has
// {transaction, outputs} in hex: the outputs are a map by input. Prints a list with, for each case,
// [index, memory, steps] of each redeemer, or null where a script fails.
import { readFileSync } from "node:fs";
import scalus from "scalus";

const { Scalus, SlotConfig } = scalus;
const { slots, costs, cases } = JSON.parse(readFileSync(process.argv[2], "utf8"));
const config = new SlotConfig(slots.start_ms, slots.start_slot, slots.slot_ms);
const bytes = (hex) => new Uint8Array(Buffer.from(hex, "hex"));

function evaluate({ transaction, outputs }) {
  try {
    return Scalus.evalPlutusScripts(bytes(transaction), bytes(outputs), config, costs).map(
      ({ index, budget }) => [index, Number(budget.memory), Number(budget.steps)],
    );
  } catch (error) {
    if (!Array.isArray(error.logs)) throw error; // only that of a script has them
    return null;
  }
}

console.log(JSON.stringify(cases.map(evaluate)));
