"""The forms in which servers pass on that a transaction was not taken.

Those of cardano-submit-api (node 1.35 to 11), blockfrost.io, blockfrost-platform,
Dolos, yaci-store, blockfrost-backend-ryo and Ogmios 6 and 7.
"""

import json

from facilitator.cardano.codec.transaction_decoder import decode_transaction

PAYMENT = decode_transaction(
    bytes.fromhex(f"84a300d9010281825820{'01' * 32}00018182581d60{'07' * 28}1a004c4b400200a0f5f6")
)
"""Without certificates and withdrawals."""

HASH = "ab" * 32
ALL_SPENT = '"All inputs are spent. Transaction has probably already been included"'


def shown(name: str, era: str = "Conway") -> str:
    """The failure in a wrapper or three, with an argument."""
    inner = f'{name} (fromList [TxIn (TxId {{unTxId = SafeHash "{HASH}"}}) (TxIx {{unTxIx = 1}})])'
    if era == "Dijkstra":
        return f"LedgerFailure (DijkstraUtxowFailure (UtxoFailure ({inner})))"
    return f"ConwayUtxowFailure (UtxoFailure ({inner}))"


# --- Envelopes ------------------------------------------------------------------------------------


def submit_api(*errors: str, era: str = "Conway") -> str:
    """cardano-submit-api of node 8 to 10."""
    inner = {
        "kind": "ShelleyTxValidationError",
        "era": f"ShelleyBasedEra{era}",
        "error": list(errors),
    }
    return in_tags(inner)


def submit_api_text(*errors: str, era: str = "Conway") -> str:
    """The same of node 11, with one text for all."""
    first, *others = errors
    failures = f"{first} :| [{','.join(others)}]"
    return in_tags(
        f"ShelleyTxValidationError ShelleyBasedEra{era} ({era}ApplyTxError ({failures}))"
    )


def old_submit_api(*errors: str) -> str:
    """cardano-submit-api of node 1.35: a JSON string."""
    return json.dumps(
        "transaction submit error ShelleyTxValidationError ShelleyBasedEraBabbage"
        f" (ApplyTxError [{','.join(errors)}])"
    )


def in_tags(contents: object) -> str:
    for tag in ("TxValidationErrorInCardanoMode", "TxCmdTxSubmitValidationError", "TxSubmitFail"):
        contents = {"tag": tag, "contents": contents}
    return json.dumps(contents)


def blockfrost(message: str) -> str:
    return json.dumps({"error": "Bad Request", "message": message, "status_code": 400})


def ogmios(code: int, data: object = None, message: str = "A sentence of Ogmios.") -> str:
    error = {"code": code, "message": message, "data": data}
    return json.dumps({"jsonrpc": "2.0", "method": "submitTransaction", "error": error, "id": None})


def yaci_relay(body: str) -> str:
    return blockfrost(f"400 BAD_REQUEST from POST submit API: {body}")


ENVELOPES = (submit_api, submit_api_text, old_submit_api)
