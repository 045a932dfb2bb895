// A wallet by Lucid Evolution.

import { Blockfrost, Lucid } from "@lucid-evolution/lucid";

export async function openWallet({ url, projectId, seed }) {
  const lucid = await Lucid(new Blockfrost(url, projectId), "Preprod");
  lucid.selectWallet.fromSeed(seed);

  return {
    address: await lucid.wallet().address(),

    // How many of each unit it has; "lovelace", or policy id and name in hex.
    async holdings() {
      const held = {};
      for (const { assets } of await lucid.wallet().getUtxos())
        for (const [unit, quantity] of Object.entries(assets)) held[unit] = (held[unit] ?? 0n) + quantity;
      return held;
    },

    // A signed transaction that pays so many units and can land for so many seconds.
    async sign({ to, unit, quantity, seconds }) {
      const unsigned = await lucid
        .newTx()
        .pay.ToAddress(to, { [unit]: BigInt(quantity) })
        .validTo(Date.now() + seconds * 1000)
        .complete();
      const signed = await unsigned.sign.withWallet().complete();
      const input = signed.toTransaction().body().inputs().get(0);
      return { cbor: signed.toCBOR(), nonce: `${input.transaction_id().to_hex()}#${input.index()}` };
    },

    submit: (cbor) => lucid.wallet().submitTx(cbor),

    confirmed: (id) => lucid.awaitTx(id),
  };
}
