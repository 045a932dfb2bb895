// node offer.mjs SELLER_ADDRESS SELLER_ADDRESS_HEX SELLER_SEED_HEX ESCROW AMOUNT ASSET
// Prints the requirements of a seller, signed by its key.

import { createHash, createPrivateKey, createPublicKey, randomBytes, sign } from "node:crypto";

import signing from "@emurgo/cardano-message-signing-nodejs";
import canonicalize from "canonicalize";
import LZString from "lz-string";

const [sellerAddress, addressHex, seed, escrow, amount, asset] = process.argv.slice(2);
const MINUTE = 60_000;

const sha256 = (...data) => {
  const hash = createHash("sha256");
  for (const each of data) hash.update(each, "utf8");
  return hash.digest("hex");
};

const content = { city: "Zürich", days: 3, limit: 1e21, nested: { b: [1.5, null], a: "€" } };
const part = {
  name: "body",
  canonicalization: "jcs",
  mediaType: "application/json",
  digest: sha256(canonicalize(content)),
};
const raw = Buffer.from("what was asked for, byte by byte");
const rawPart = {
  name: "raw",
  canonicalization: "raw",
  digest: createHash("sha256").update(raw).digest("hex"),
};
const manifest = { version: "1", algorithm: "sha256", parts: [part, rawPart] };
const inputHash = sha256("masumi:x402:input:v1\n", canonicalize(manifest));

const now = Date.now();
const terms = {
  version: "1",
  paymentType: "Web3CardanoV2",
  sellerAddress,
  sellerNonce: randomBytes(32).toString("hex"),
  buyerNonce: randomBytes(7).toString("hex"),
  inputHash,
  payByTime: String(now + 10 * MINUTE),
  submitResultTime: String(now + 20 * MINUTE),
  unlockTime: String(now + 40 * MINUTE),
  externalDisputeUnlockTime: String(now + 60 * MINUTE),
};
const requirements = {
  scheme: "exact",
  network: "cardano:preprod",
  amount,
  asset,
  payTo: escrow,
  maxTimeoutSeconds: 600,
};
const { payTo: contractAddress, ...projected } = requirements;
const signedTerms = { ...terms, ...projected, contractAddress, assetTransferMethod: "masumi" };
const termsDigest = sha256("masumi:x402:terms:v1\n", canonicalize(signedTerms));

// CIP-8 as a wallet's signData does it.
const pkcs8 = Buffer.from(`302e020100300506032b657004220420${seed}`, "hex");
const privateKey = createPrivateKey({ key: pkcs8, format: "der", type: "pkcs8" });
const publicKey = createPublicKey(privateKey).export({ format: "der", type: "spki" }).subarray(-32);
const protectedHeaders = signing.HeaderMap.new();
protectedHeaders.set_algorithm_id(signing.Label.from_algorithm_id(signing.AlgorithmId.EdDSA));
protectedHeaders.set_header(
  signing.Label.new_text("address"),
  signing.CBORValue.new_bytes(Buffer.from(addressHex, "hex")),
);
const headers = signing.Headers.new(
  signing.ProtectedHeaderMap.new(protectedHeaders),
  signing.HeaderMap.new(),
);
const builder = signing.COSESign1Builder.new(headers, Buffer.from(termsDigest, "hex"), false);
const signature = sign(null, builder.make_data_to_sign().to_bytes(), privateKey);
const referenceSignature = Buffer.from(builder.build(signature).to_bytes()).toString("hex");
const key = signing.COSEKey.new(signing.Label.from_key_type(signing.KeyType.OKP));
key.set_algorithm_id(signing.Label.from_algorithm_id(signing.AlgorithmId.EdDSA));
const label = (number) =>
  signing.Label.new_int(signing.Int.new_negative(signing.BigNum.from_str(String(number))));
key.set_header(label(1), signing.CBORValue.new_int(signing.Int.new_i32(6)));
key.set_header(label(2), signing.CBORValue.new_bytes(publicKey));
const referenceKey = Buffer.from(key.to_bytes()).toString("hex");

const text = [terms.sellerNonce, terms.buyerNonce, referenceSignature, referenceKey, escrow];
const extra = {
  assetTransferMethod: "masumi",
  confirmationPolicy: { l1Confirmations: 0 },
  areFeesSponsored: false,
  inputCommitment: {
    ...manifest,
    parts: [
      { ...part, content },
      { ...rawPart, content: raw.toString("base64url") },
    ],
    digest: inputHash,
  },
  terms,
  referenceKey,
  referenceSignature,
  blockchainIdentifier: Buffer.from(LZString.compressToUint8Array(text.join("."))).toString("hex"),
};
console.log(JSON.stringify({ ...requirements, extra }));
