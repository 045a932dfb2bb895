"""The report as text."""

from collections.abc import Iterator, Mapping
from typing import Any

from facilitator.cardano.amounts import ada
from facilitator.inspection.ledger import NO_CONCERN
from facilitator.x402.reasons import Reason

Data = Mapping[str, Any]


def render(report: Data) -> str:
    """Return the report as text; lines are not wrapped."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Data) -> Iterator[str]:
    yield f"{report['input']} on {report['network']}"
    yield f"judged at slot {report['slot']} ({report['time']})"
    if report.get("asked"):
        yield f"asked: {report['asked']}"
    if report["verify"] is not None:
        yield from _verdict(report["verify"])
    if report["transaction"] is not None:
        yield ""
        yield from _transaction(report["transaction"])
    for scope, title in (
        ("scheme", "Rules of the payment scheme"),
        ("ledger", "Rules of the ledger"),
    ):
        rows = [check for check in report["checks"] if check["scope"] == scope]
        if rows:
            yield from ("", title)
            yield from _checks(rows)
    yield ""
    yield f"result: {report['result']}"


def _verdict(verify: Data) -> Iterator[str]:
    if verify["isValid"]:
        yield f"/verify: valid, paid by {verify['payer']}"
    else:
        is_verdict = verify["invalidReason"] != Reason.CHAIN_LOOKUP_FAILED
        yield f"/verify: {'not valid' if is_verdict else 'no verdict'}, {verify['invalidReason']}"
        yield f"  {verify['invalidMessage']}"


def _transaction(tx: Data) -> Iterator[str]:
    yield f"Transaction {tx['id']}"
    yield f"  {tx['bytes']} bytes, of which {tx['size']} count for the fee"
    if not tx["markedValid"]:
        yield "  marked as failing its scripts"
    least = f", at least {ada(tx['minimumFee'])}" if tx["minimumFee"] is not None else ""
    yield f"  fee {ada(tx['fee'])}{least}"
    yield f"  valid {_bound('from', tx['validFrom'])}, {_bound('before', tx['validBefore'])}"
    for title, key in (
        ("input", "inputs"),
        ("reference input", "referenceInputs"),
        ("collateral", "collateral"),
    ):
        for ref in tx[key]:
            yield f"  {title} {ref['ref']}"
            yield from _source(ref)
    for index, output in enumerate(tx["outputs"]):
        yield f"  output {index}"
        yield from _output(output)
    if tx["collateralReturn"] is not None:
        yield "  collateral return"
        yield from _output(tx["collateralReturn"])
    yield from _further(tx)
    known = all(ref["status"] == "unspent" for ref in (*tx["inputs"], *tx["collateral"]))
    for signer in tx["signers"]:
        yield from _signer(signer, known=known)


def _bound(word: str, bound: Data | None) -> str:
    return f"{word} slot {bound['slot']} ({bound['time']})" if bound else f"{word} any slot"


def _source(ref: Data) -> Iterator[str]:
    if ref["status"] == "unspent":
        yield from _output(ref)
    elif ref.get("spentBy"):
        yield f"    spent by {ref['spentBy']}"
    else:
        yield f"    {ref['status']}" + (f": {ref['why']}" if ref.get("why") else "")


def _output(output: Data) -> Iterator[str]:
    yield f"    {output['address']}"
    minimum = output.get("minimumLovelace")
    least = f" (at least {ada(minimum)})" if minimum is not None else ""
    yield f"    {ada(output['lovelace'])}{least}"
    yield from _assets(output["assets"])
    if output["datum"]:
        yield f"    datum {output['datum']}"
    if output["referenceScript"]:
        yield f"    reference script {output['referenceScript']}"


def _assets(assets: list[Data]) -> Iterator[str]:
    for asset in assets:
        name = f" {asset['name']}" if asset["name"] else ""
        yield f"    {asset['quantity']}{name} ({asset['asset']})"


def _further(tx: Data) -> Iterator[str]:
    if tx["mint"]:
        yield "  mint (burn, where negative)"
        yield from _assets(tx["mint"])
    for withdrawal in tx["withdrawals"]:
        yield f"  withdraw {ada(withdrawal['lovelace'])} from {withdrawal['address']}"
    for what in ("certificates", "votes", "proposals"):
        for words in tx[what]:
            yield f"  {what.removesuffix('s')}: {words}"
    if tx["donation"]:
        yield f"  donate {ada(tx['donation'])} to the treasury"
    for deposit in tx["directDeposits"]:
        yield f"  deposit {ada(deposit['lovelace'])} into {deposit['address']}"
    for guard in tx["guards"]:
        yield f"  guard {guard}"
    for sub in tx["subTransactions"]:
        yield f"  sub-transaction {sub}"
    for script in tx["scripts"]:
        yield f"  script {script['hash']} ({script['language']})"
    if tx["redeemers"]:
        yield f"  {tx['redeemers']} redeemers"
    size = tx["auxiliaryDataBytes"]
    yield "  no metadata" if size is None else f"  auxiliary data (metadata), {size} bytes"
    for row in tx["metadata"] or ():
        yield f"    {row['label']}: {row['value']}"
    if tx["metadata"] is None:
        yield "    nested too deeply to be shown"


def _signer(signer: Data, *, known: bool) -> Iterator[str]:
    """Yield the lines of a signer; ``known`` if the owners of all inputs are known."""
    if not signer["signed"]:
        state = "must sign and has not"
    elif not signer["signatureHolds"]:
        state = "has signed something else"
    else:
        state = "has signed" if signer["for"] or not known else "has signed without need"
    yield f"  key {signer['key']} {state}"
    for purpose in signer["for"]:
        yield f"    for {purpose}"


def _checks(rows: list[Data]) -> Iterator[str]:
    shown = [row for row in rows if (row["result"], row["detail"]) != ("pass", NO_CONCERN)]
    results = max((len(row["result"]) for row in shown), default=0)
    names = max((len(row["name"]) for row in shown), default=0)
    for row in shown:
        broken = f"{row['rule']}: " if row["result"] == "fail" else ""
        detail = broken + (row["detail"] or row["about"] or "")
        yield f"  {row['result']:{results}}  {row['name']:{names}}  {detail}".rstrip()
    if left := len(rows) - len(shown):
        yield f"  {'pass':{results}}  {left} rules about what the transaction does not hold"
