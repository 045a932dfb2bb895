"""The messages of a node's tools for a refused transaction.

They hold the ledger's predicate failures as JSON, each wrapped in those of its rules (Conway
``LEDGER``).
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from facilitator.cardano.parameters import DIJKSTRA
from facilitator.cardano.rules import Failure
from facilitator.cardano.transaction import Body, OutputRef, Transaction
from facilitator_devnet.protocol import era_name

ALL_SPENT = (
    'ConwayMempoolFailure "All inputs are spent. Transaction has probably already been included"'
)
"""A node's only failure for a transaction without any unspent input."""
ALL_SPENT_IN_DIJKSTRA = "AllInputsAreSpent"
"""The same from protocol version 12 on."""
TAGS = ("TxValidationErrorInCardanoMode", "TxCmdTxSubmitValidationError", "TxSubmitFail")

WRAPPERS = (
    (
        r"WithdrawalA\w+|DirectDeposit\w+|BalancesOutside\w+|\w+AccountBalanceIntervals",
        ("DijkstraEntitiesFailure",),
    ),
    (r"ConwayW\w+|ConwayIncomplete\w+|(?:Conway|Dijkstra)(?:Treasury|TxRefScripts)\w+", ()),
    (r"Withdrawals\w+CERTS", ("ConwayCertsFailure",)),
    (r"\w+DELEG", ("ConwayCertsFailure", "CertFailure", "DelegFailure")),
    (r"\w+POOL|PoolMedataHashTooBig", ("ConwayCertsFailure", "CertFailure", "PoolFailure")),
    (
        r"(?:Conway|Dijkstra)(?:DRep|Committee)\w+",
        ("ConwayCertsFailure", "CertFailure", "GovCertFailure"),
    ),
    (
        r"ConflictingCommittee\w+|Disallowed\w+|ExpirationEpoch\w+|GovActions\w+|InvalidGuardrails\w+"
        r"|InvalidPrevGov\w+|\w*Proposal\w*|TreasuryWithdrawal\w+|UnelectedCommittee\w+|Vot\w+"
        r"|ZeroTreasury\w+",
        ("ConwayGovFailure",),
    ),
    (
        r"\w+UTXOW|Conflicting\w+|ExtraRedeemers|InvalidMetadata|Malformed\w+|Missing\w+"
        r"|NotAllowedSupplementalDatums|PPViewHashesDontMatch|ScriptIntegrityHashMismatch"
        r"|UnspendableUTxONoDatumHash",
        ("ConwayUtxowFailure",),
    ),
    (
        r"ValidationTagMismatch|CollectErrors:.*",
        ("ConwayUtxowFailure", "UtxoFailure", "UtxosFailure"),
    ),
    (r"\w+", ("ConwayUtxowFailure", "UtxoFailure")),
)
"""The wrappers of a failure, outermost first, by its name; the first match is taken."""


def undecodable(why: str) -> str:
    """Return the refusal of bytes that are no transaction."""
    failure = f"DecoderErrorDeserialiseFailure {_text('Shelley Tx')}"
    cause = f"{failure} (DeserialiseFailure 0 {_text(why)})"
    read_error = {"contents": [cause], "tag": "TxCmdTxReadError"}
    return _text({"contents": read_error, "tag": "TxSubmitFail"})


def refused(
    failures: Sequence[Failure],
    transaction: Transaction,
    missing: Sequence[OutputRef],
    slot: int,
    version: int,
) -> str:
    """Return the refusal of a transaction in that slot; name the ``missing`` ones of its inputs.

    ``version`` is the protocol version in force.

    The ledger shows the compared values; here a sentence stands for them, except missing inputs and
    the time.
    """
    nothing_left = 0 < len(transaction.body.inputs) == len(missing)
    shown = {
        "BadInputsUTxO": f"(fromList [{','.join(map(_input, missing))}])",
        "OutsideValidityIntervalUTxO": f"({_interval(transaction.body)}) (SlotNo {slot})",
    }
    is_dijkstra = version >= DIJKSTRA
    all_spent = ALL_SPENT_IN_DIJKSTRA if is_dijkstra else ALL_SPENT
    errors = [all_spent] if nothing_left else [_predicate(each, shown) for each in failures]
    if is_dijkstra and not nothing_left:
        errors = [f"LedgerFailure ({_in_dijkstra(error)})" for error in errors]
    answer: dict[str, Any] = {
        "era": f"ShelleyBasedEra{era_name(version)}",
        "error": errors,
        "kind": "ShelleyTxValidationError",
    }
    for tag in TAGS:
        answer = {"contents": answer, "tag": tag}
    return _text(answer)


def _predicate(failure: Failure, values: Mapping[str, str]) -> str:
    """Return the failure in its wrappers, with the ``values`` of its rule or with its sentence."""
    rule, why = failure
    name, *errors = rule.split(":")
    shown = f"{(errors or [name])[-1]} {values.get(rule) or _text(why)}"
    if len(errors) > 1:
        shown = f"{errors[0]} ({shown})"
    if errors:
        shown = f"{name} [{shown}]"
    wrappers = next(wrappers for names, wrappers in WRAPPERS if re.fullmatch(names, rule))
    for wrapper in reversed(wrappers):
        shown = f"{wrapper} ({shown})"
    return shown


def _in_dijkstra(error: str) -> str:
    """Return a failure of Conway in the wrappers that Dijkstra's rules have around it."""
    error = error.replace("ConwayUtxowFailure", "DijkstraUtxowFailure")
    error = error.replace("ConwayGovFailure", "DijkstraGovFailure")
    if error.startswith("ConwayCertsFailure"):
        return f"DijkstraEntitiesFailure ({error.replace('ConwayCertsFailure', 'CertsFailure')})"
    return error


def _input(ref: OutputRef) -> str:
    name = _text(ref.transaction_id.hex())
    return f"TxIn (TxId {{unTxId = SafeHash {name}}}) (TxIx {{unTxIx = {ref.index}}})"


def _interval(body: Body) -> str:
    start, end = (
        "SNothing" if slot is None else f"SJust (SlotNo {slot})"
        for slot in (body.invalid_before, body.invalid_hereafter)
    )
    return f"ValidityInterval {{invalidBefore = {start}, invalidHereafter = {end}}}"


def _text(value: Any) -> str:
    return orjson.dumps(value).decode()
