// node lock.mjs address | REQUIREMENTS COLLATERAL
// Prints the wallet's address, or a signed transaction that locks what the requirements ask for.

import { Blockfrost, Constr, Data, Lucid, getAddressDetails } from "@lucid-evolution/lucid";

const { BLOCKFROST_URL: url, WALLET_SEED: seed } = process.env;
const lucid = await Lucid(new Blockfrost(url, "devnet"), "Preprod");
lucid.selectWallet.fromSeed(seed);
const buyer = await lucid.wallet().address();

const none = new Constr(1, []);
const some = (value) => new Constr(0, [value]);
const key = ({ hash }) => new Constr(0, [hash]);

function party(address) {
  const { paymentCredential, stakeCredential } = getAddressDetails(address);
  const stake = stakeCredential ? some(new Constr(0, [key(stakeCredential)])) : none;
  return new Constr(0, [key(paymentCredential), stake]);
}

async function lock({ extra, payTo, amount, asset }, collateral) {
  const { terms } = extra;
  const datum = new Constr(0, [
    party(buyer),
    none,
    party(terms.sellerAddress),
    terms.sellerReturnAddress ? some(party(terms.sellerReturnAddress)) : none,
    extra.referenceKey,
    extra.referenceSignature,
    terms.sellerNonce,
    terms.buyerNonce,
    terms.agentIdentifier ?? "",
    collateral,
    terms.inputHash,
    "",
    BigInt(terms.payByTime),
    BigInt(terms.submitResultTime),
    BigInt(terms.unlockTime),
    BigInt(terms.externalDisputeUnlockTime),
    0n,
    0n,
    new Constr(0, []),
  ]);
  const value =
    asset === "lovelace"
      ? { lovelace: BigInt(amount) + collateral }
      : { lovelace: collateral, [asset.replace(".", "")]: BigInt(amount) };
  const unsigned = await lucid
    .newTx()
    .pay.ToAddressWithData(payTo, { kind: "inline", value: Data.to(datum) }, value)
    .validTo(Number(terms.payByTime) - 60_000)
    .complete();
  const signed = await unsigned.sign.withWallet().complete();
  const input = signed.toTransaction().body().inputs().get(0);
  const nonce = `${input.transaction_id().to_hex()}#${input.index()}`;
  return { transaction: Buffer.from(signed.toCBOR(), "hex").toString("base64"), nonce };
}

const [requirements, collateral] = process.argv.slice(2);
console.log(
  requirements === "address"
    ? buyer
    : JSON.stringify(await lock(JSON.parse(requirements), BigInt(collateral))),
);
