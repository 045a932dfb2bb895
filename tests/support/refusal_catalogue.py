"""Answers of servers to a transaction that they do not take, and what each proves."""

import json
from collections.abc import Iterator
from typing import NamedTuple

from facilitator.cardano.refusals import Proof
from support.refusal_names import NAMES, OGMIOS
from support.refusals import (
    ALL_SPENT,
    ENVELOPES,
    HASH,
    blockfrost,
    in_tags,
    ogmios,
    old_submit_api,
    shown,
    submit_api,
    submit_api_text,
    yaci_relay,
)


class Case(NamedTuple):
    name: str
    text: str
    proves: Proof


INTERVAL = (
    "ConwayUtxowFailure (UtxoFailure (OutsideValidityIntervalUTxO (ValidityInterval"
    " {{invalidBefore = {0}, invalidHereafter = {1}}}) (SlotNo {2})))"
)
PLUTUS = (
    "ConwayUtxowFailure (UtxoFailure (UtxosFailure (ValidationTagMismatch (IsValid True)"
    ' (FailedUnexpectedly (PlutusFailure "\\nThe PlutusV2 script failed: \\"BadInputsUTxO\\" ["'
    ' "hgGYrxoA" :| [])))))'
)
FEE = "(Mismatch {mismatchSupplied = Coin 170000, mismatchExpected = Coin 170693})"
OLD = (
    "UtxowFailure (UtxoFailure (FromAlonzoUtxoFail (ValueNotConservedUTxO (Value 0 (fromList []))"
    " (Value 2000000 (fromList [])))))",
    "UtxowFailure (UtxoFailure (FromAlonzoUtxoFail (BadInputsUTxO (fromList [TxIn (TxId {_unTxId ="
    f' SafeHash "{HASH}"}}) (TxIx 0)]))))',
    "UtxowFailure (AlonzoInBabbageUtxowPredFailure (ShelleyInAlonzoUtxowPredFailure"
    " (MissingVKeyWitnessesUTXOW (WitHashes (fromList [])))))",
)
MISMATCH = 'EraMismatch {ledgerEraName = "Conway", otherEraName = "Babbage"}'
READ_ERROR = {
    "tag": "TxCmdTxReadError",
    "contents": [
        'DecoderErrorDeserialiseFailure "Shelley Tx" (DeserialiseFailure 0 "expected list len")'
    ],
}
PROPOSAL = (
    "ConwayGovFailure (ProposalDepositIncorrect (Mismatch {mismatchSupplied = Coin 1,"
    ' mismatchExpected = Coin 2})) :| [ConwayGovFailure (MalformedProposal (InfoAction "u: \\"'
    ' BadInputsUTxO AllInputsAreSpent"))]'
)


def catalogue() -> Iterator[Case]:
    yield from _named()
    yield from _ogmios()
    yield from _times()
    yield from _definite()
    yield from _unknown()


def _named() -> Iterator[Case]:
    for proves, names in NAMES.items():
        for name in names.split():
            for envelope in ENVELOPES:
                text = envelope(shown(name))
                yield Case(f"{name} in {envelope.__name__}", text, proves)
            dijkstra = submit_api(shown(f"Sub{name}", "Dijkstra"), era="Dijkstra")
            yield Case(f"Sub{name}", dijkstra, proves)


def _ogmios() -> Iterator[Case]:
    for proves, codes in OGMIOS.items():
        for code in codes:
            yield Case(f"Ogmios {code}", ogmios(code, {}), proves)
            yield Case(f"Ogmios {code} in yaci-store", blockfrost(ogmios(code, {})), proves)
    spent = {"error": ALL_SPENT.strip('"')}
    yield Case("Ogmios 3997", ogmios(3997, spent), Proof.INPUTS)
    unelected = {"error": "Unelected committee members are not allowed to cast votes: …"}
    yield Case("Ogmios 3997 of votes", ogmios(3997, unelected), Proof.STATE)
    yield Case("Ogmios 3997 otherwise", ogmios(3997, {"error": "no"}), Proof.NOTHING)
    yield Case("Ogmios 3997 without data", ogmios(3997), Proof.NOTHING)
    quoted = {"error": "no: 'All inputs are spent'"}
    yield Case("Ogmios 3997 that quotes", ogmios(3997, quoted), Proof.NOTHING)
    for end, slot, proves in (
        (10, 12, Proof.EXPIRED),
        (10, 9, Proof.EARLY),
        (None, 9, Proof.EARLY),
    ):
        interval = {"invalidBefore": 5, "invalidAfter": end}
        data = {"validityInterval": interval, "currentSlot": slot}
        yield Case(f"Ogmios 3118 at {slot} of {end}", ogmios(3118, data), proves)


def _times() -> Iterator[Case]:
    over = INTERVAL.format("SNothing", "SJust (SlotNo 10)", 10)
    yield Case("over", submit_api(over), Proof.EXPIRED)
    yield Case("over and small fee", submit_api(shown("FeeTooSmallUTxO"), over), Proof.EXPIRED)
    early = INTERVAL.format("SJust (SlotNo 5)", "SJust (SlotNo 10)", 4)
    yield Case("early", submit_api(early), Proof.EARLY)
    yield Case("early and bad signature", submit_api(early, shown("InvalidWitnessesUTXOW")),
               Proof.EARLY)  # fmt: skip
    endless = INTERVAL.format("SJust (SlotNo 5)", "SNothing", 4)
    yield Case("early without an end", submit_api(endless), Proof.EARLY)
    horizon = (
        "ConwayUtxowFailure (UtxoFailure (UtxosFailure (CollectErrors [BadTranslation"
        ' (BabbageContextError (AlonzoContextError (TimeTranslationPastHorizon "…")))])))'
    )
    yield Case("beyond the horizon", submit_api(horizon), Proof.EARLY)


def _definite() -> Iterator[Case]:
    yield Case("a fee", submit_api(f"ConwayUtxowFailure (UtxoFailure (FeeTooSmallUTxO {FEE}))"),
               Proof.PARAMETERS)  # fmt: skip
    bare = "ConwayUtxowFailure (UtxoFailure InputSetEmptyUTxO)"
    yield Case("without arguments", submit_api(bare), Proof.BYTES)
    yield Case("a script", submit_api(PLUTUS), Proof.PARAMETERS)
    yield Case("a proposal", in_tags(f"ShelleyTxValidationError ShelleyBasedEraConway"
               f" (ConwayApplyTxError ({PROPOSAL}))"), Proof.PARAMETERS)  # fmt: skip
    yield Case("old", old_submit_api(OLD[0]), Proof.BYTES)
    yield Case("old, nested", old_submit_api(OLD[2]), Proof.BYTES)
    yield Case("old, an input", old_submit_api(OLD[0], OLD[1]), Proof.INPUTS)
    yield Case("all spent", submit_api(f"ConwayMempoolFailure {ALL_SPENT}"), Proof.INPUTS)
    yield Case("all spent, text", submit_api_text(f"ConwayMempoolFailure {ALL_SPENT}"),
               Proof.INPUTS)  # fmt: skip
    yield Case("all spent, Dijkstra", submit_api("AllInputsAreSpent", era="Dijkstra"), Proof.INPUTS)
    yield Case("all spent, Dijkstra's mempool",
               submit_api(f"MempoolFailure {ALL_SPENT}", era="Dijkstra"), Proof.INPUTS)  # fmt: skip
    votes = '"Unelected committee members are not allowed to cast votes: …"'
    yield Case("votes", submit_api(f"ConwayMempoolFailure {votes}"), Proof.STATE)
    yield Case("votes, Dijkstra", submit_api(f"MempoolFailure {votes}", era="Dijkstra"),
               Proof.STATE)  # fmt: skip
    yield Case("another mempool failure", submit_api('ConwayMempoolFailure "full"'), Proof.NOTHING)
    quoted = 'ConwayMempoolFailure "no: All inputs are spent"'
    yield Case("a mempool failure that quotes", submit_api(quoted), Proof.NOTHING)
    both = (shown("ValueNotConservedUTxO"), shown("BadInputsUTxO"), shown("FeeTooSmallUTxO"))
    yield Case("inputs and what follows", submit_api(*both), Proof.INPUTS)
    yield Case("inputs and another version's", submit_api(shown("NewFailure"), both[1]),
               Proof.INPUTS)  # fmt: skip
    yield Case("a version's own", submit_api(shown("NewFailure")), Proof.NOTHING)
    fee_and_own = submit_api(shown("FeeTooSmallUTxO"), shown("NewFailure"))
    yield Case("a version's own and a fee", fee_and_own, Proof.NOTHING)
    sub = "LedgerFailure (DijkstraSubLedgersFailure (SubLedgerFailure (SubUtxowFailure {0})))"
    yield Case("a sub-transaction's input",
               submit_api(sub.format("(SubUtxoFailure (SubBadInputsUTxO (fromList [])))"),
                          era="Dijkstra"), Proof.INPUTS)  # fmt: skip
    yield Case("a sub-transaction's signature",
               submit_api(sub.format("(SubInvalidWitnessesUTXOW (VKey 1 :| []))"), era="Dijkstra"),
               Proof.BYTES)  # fmt: skip
    yield Case("in four levels of JSON", blockfrost(json.dumps(submit_api(shown("MaxTxSizeUTxO")))),
               Proof.PARAMETERS)  # fmt: skip
    yield Case("relayed", yaci_relay(submit_api(shown("MaxTxSizeUTxO"))), Proof.PARAMETERS)
    yield Case("relayed, an input", yaci_relay(submit_api(shown("BadInputsUTxO"))), Proof.INPUTS)
    yield Case("a name alone", "FeeTooSmallUTxO", Proof.PARAMETERS)
    yield Case("an input's name in prose", "rejected: BadInputsUTxO, sorry", Proof.INPUTS)


def _unknown() -> Iterator[Case]:
    nothing = {
        "empty": "",
        "HTML": "<html><head><title>502 Bad Gateway</title></head></html>",
        "JSON of another kind": '{"timestamp":1,"status":404,"error":"Not Found","path":"/tx"}',
        "PostgREST": '{"code":"PGRST202","details":null,"hint":null,"message":"no function"}',
        "a number": "400",
        "null": "null",
        "an empty list": submit_api(),
        "the connection broke": blockfrost(
            "Error during transaction submission: ChannelError(AgentDequeue), CBOR: 84a300"
        ),
        "another's turn": blockfrost("Error during transaction submission: AgencyIsTheirs"),
        "unformatted": blockfrost("Failed to format submit error: unexpected tag 7"),
        "unformatted fee": blockfrost("Failed to format submit error: FeeTooSmallUTxO"),
        "the bearer": "MuxBearerClosed",
        "another token": "Network token mismatch. Are you using token for preview?",
        "no path": "Invalid path. Please check https://docs.blockfrost.io/",
        "no backend": "No transaction submission backend configured. Please set …",
        "the node is away": '{"tag":"TxSubmitFail","contents":{"tag":"TxCmdSocketEnvError",'
        '"contents":{"tag":"CliEnvVarLookup","contents":"CARDANO_NODE_SOCKET_PATH"}}}',
        "no connection": '{"tag":"TxSubmitFail","contents":{"tag":"TxCmdTxSubmitConnectionError",'
        '"contents":"connection refused"}}',
        "nothing was sent": '{"tag":"TxSubmitEmpty"}',
        "no hex": '{"tag":"TxSubmitDecodeHex"}',
        "bad": '{"tag":"TxSubmitBadTx","contents":"…"}',
        "unreadable to the node": json.dumps({"tag": "TxSubmitFail", "contents": READ_ERROR}),
        "unreadable to the API": '{"tag":"TxSubmitDecodeFail","contents":["DecoderError…"]}',
        "another era": json.dumps(
            {"tag": "TxSubmitFail", "contents": {"tag": "TxCmdTxSubmitValidationError", "contents":
             {"tag": "TxValidationEraMismatch", "contents": MISMATCH}}}
        ),
        "another era, bare": MISMATCH,
        "a later era": json.dumps(
            {"tag": "TxSubmitFail", "contents": {"tag": "TxCmdTxSubmitErrorEraMismatch",
             "contents": {"ledgerEraName": "Dijkstra", "otherEraName": "Conway"}}}
        ),
        "a later era, bare": MISMATCH.replace("Conway", "Dijkstra").replace("Babbage", "Conway"),
        "CBOR in hex": blockfrost("8182068182028201830500000a"),
        "a name in quotes": 'the anchor "BadInputsUTxO FeeTooSmallUTxO" is too long',
        "a name in other words": "XFeeTooSmallUTxO FeeTooSmallUTxOs noBadInputsUTxO",
        "a rule's name in prose": "FeeTooSmallUTxO is not the reason",
        "a rule and prose": "ConwayUtxowFailure (UtxoFailure (FeeTooSmallUTxO)) and more",
        "cut": submit_api_text(shown("FeeTooSmallUTxO"), shown("MaxTxSizeUTxO"))[:250],
        "a cut text": f"ApplyTxError [{shown('FeeTooSmallUTxO')}, {shown('MaxTxSizeUTxO')}"[:-9],
        "a string without an end": 'FeeTooSmallUTxO "abc',
        "a wrapper alone": "ConwayUtxowFailure",
        "a wrapper around nothing": "ApplyTxError []",
        "five levels of JSON": json.dumps(json.dumps(json.dumps(json.dumps(json.dumps(
            "FeeTooSmallUTxO"))))),
        "deep brackets": "(" * 9000 + "FeeTooSmallUTxO" + ")" * 9000,
        "deep JSON": "[" * 9000 + "]" * 9000,
        "deep tags": '{"tag":"TxSubmitFail","contents":' * 60 + '"FeeTooSmallUTxO"' + "}" * 60,
    }  # fmt: skip
    for name, text in nothing.items():
        yield Case(name, text, Proof.NOTHING)


CATALOGUE = tuple(catalogue())
