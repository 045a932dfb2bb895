"""The word of the one that an inspection asks: a running facilitator, or a chain."""

from collections.abc import Mapping
from typing import Any

from facilitator.cli.running import RunningFacilitator
from facilitator.roles.chain import ChainProvider
from facilitator.x402.messages import PaymentRequest
from facilitator.x402.reasons import Reason

_GENESIS = (
    "the devnet of this command, which is at its genesis and not the one of a facilitator that "
    "runs: name that by --facilitator URL"
)


def whom_was_asked(report: Mapping[str, Any], chain: ChainProvider | None) -> dict[str, Any]:
    """Return the fields ``asked`` and ``result`` of a report that this process made.

    Nothing passes by the word of a devnet that starts with this process: what was spent on the
    devnet of another process is not known to it.
    """
    result = report["result"]
    if chain is None:
        return {"asked": "no chain", "result": result}
    if chain.is_devnet:
        return {"asked": _GENESIS, "result": "not judged" if result == "pass" else result}
    return {"asked": f"the provider of {report['network']}", "result": result}


def ask_running(
    running: RunningFacilitator, source: PaymentRequest | bytes, offline: dict[str, Any]
) -> dict[str, Any]:
    """Return the facilitator's report, or the offline one with what the facilitator says.

    Its ``/verify`` has the last word, since ``/inspect`` knows no earlier settlement. Of a
    transaction without terms it knows the state only. Raises :class:`NoAnswer`.
    """
    asked = f"the facilitator at {running.url}"
    if isinstance(source, bytes):
        state = running.status(offline["transaction"]["id"])["status"]
        return {**offline, "asked": f"{asked}: {state}"}
    verdict = running.verify(source.canonical)
    report = running.inspect(source.canonical)
    if report is None:
        asked = (
            f"{asked}, whose /inspect is not enabled; the rules are judged here, without a chain"
        )
    judged = report or {**offline, "result": _without_chain(offline["result"])}
    return {**judged, "asked": asked, "verify": verdict, "result": _result(verdict, judged)}


def _without_chain(result: str) -> str:
    """Return the result for rules whose facts the facilitator looked up for its verdict."""
    return "pass" if result == "not judged" else result


def _result(verdict: Mapping[str, Any], judged: Mapping[str, Any]) -> str:
    if verdict["isValid"]:
        return str(judged.get("result"))
    return "not judged" if verdict["invalidReason"] == Reason.CHAIN_LOOKUP_FAILED else "fail"
