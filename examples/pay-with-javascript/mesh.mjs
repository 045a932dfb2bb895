// A wallet by Mesh.

import { BlockfrostProvider, MeshTxBuilder, MeshWallet, resolveSlotNo } from "@meshsdk/core";

export async function openWallet({ url, projectId, seed }) {
  const provider = new BlockfrostProvider(projectId ?? url);
  const key = { type: "mnemonic", words: seed.split(" ") };
  const wallet = new MeshWallet({ networkId: 0, fetcher: provider, submitter: provider, key });
  await wallet.init();
  const address = await wallet.getChangeAddress();

  return {
    address,

    // How many of each unit it has; "lovelace", or policy id and name in hex.
    async holdings() {
      const balance = await wallet.getBalance();
      return Object.fromEntries(balance.map(({ unit, quantity }) => [unit, BigInt(quantity)]));
    },

    // A signed transaction that pays so many units and can land for so many seconds.
    async sign({ to, unit, quantity, seconds }) {
      const builder = new MeshTxBuilder({ fetcher: provider });
      builder.protocolParams(await provider.fetchProtocolParameters());
      const unsigned = await builder
        .txOut(to, [{ unit, quantity: String(quantity) }])
        .invalidHereafter(Number(resolveSlotNo("preprod", Date.now() + seconds * 1000)))
        .changeAddress(address)
        .selectUtxosFrom(await wallet.getUtxos())
        .complete();
      const { txHash, txIndex } = builder.meshTxBuilderBody.inputs[0].txIn;
      return { cbor: await wallet.signTx(unsigned), nonce: `${txHash}#${txIndex}` };
    },

    submit: (cbor) => wallet.submitTx(cbor),

    confirmed: (id) => new Promise((resolve) => provider.onTxConfirmed(id, resolve)),
  };
}
