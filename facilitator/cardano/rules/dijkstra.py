"""Rules over the fields that are new in Dijkstra, as far as its ledger settles them.

They concern a top level without sub-transactions. From cardano-ledger's ``eras/dijkstra``: where
its packages 0.3 and 0.4 differ, the stricter one is in force here.
"""

from collections.abc import Iterable, Iterator, Mapping

from facilitator.cardano.addresses.address import reward_credential
from facilitator.cardano.parameters import DIJKSTRA
from facilitator.cardano.rules.contexts import BAD_TRANSLATION
from facilitator.cardano.rules.failure import Environment, Failure, format_items, refuse_unjudged
from facilitator.cardano.rules.needed import Scripts
from facilitator.cardano.rules.registry import Registry, UnknownFactError, describe
from facilitator.cardano.rules.resolved import ResolvedTransaction
from facilitator.cardano.transaction import (
    BalanceInterval,
    Body,
    Credential,
    DijkstraFields,
    Language,
    Transaction,
)

_NOTHING = DijkstraFields()
_RENAMED = {
    "StakeKeyRegisteredDELEG": "DelegAccountAlreadyRegistered",
    "WrongNetworkWithdrawal": "WithdrawalAddressesWithWrongNetwork",
}


def name_by_version(failure: Failure, env: Environment) -> Failure:
    """Return the failure by the name that it has under the protocol version in force."""
    if env.parameters.protocol_major < DIJKSTRA:
        return failure
    name = failure.rule
    if name in _RENAMED:
        return failure._replace(rule=_RENAMED[name])
    if name.startswith("Conway"):
        return failure._replace(rule=f"Dijkstra{name.removeprefix('Conway')}")
    return failure


# --- Without outputs and ledger state -------------------------------------------------------------


def wrong_network_deposits(tx: Transaction, env: Environment) -> Failure | None:
    """Dijkstra ENTITIES, ``DirectDepositAddressesWithWrongNetwork``: of this network."""
    wrong = _find_foreign((tx.body.dijkstra or _NOTHING).direct_deposits, env)
    return _refuse_foreign("DirectDepositAddressesWithWrongNetwork", wrong, env)


def wrong_network_balances(tx: Transaction, env: Environment) -> Failure | None:
    """Dijkstra ENTITIES, ``WrongNetworkInAccountBalanceIntervals``: of this network."""
    wrong = _find_foreign((tx.body.dijkstra or _NOTHING).balances, env)
    return _refuse_foreign("WrongNetworkInAccountBalanceIntervals", wrong, env)


def wrong_network_starting_balances(tx: Transaction, env: Environment) -> Failure | None:
    """Dijkstra ENTITIES, ``WrongNetworkInStartingAccountBalanceIntervals``."""
    wrong = _find_foreign((tx.body.dijkstra or _NOTHING).starting_balances, env)
    return _refuse_foreign("WrongNetworkInStartingAccountBalanceIntervals", wrong, env)


def missing_required_guards(tx: Transaction, _env: Environment) -> Failure | None:
    """Dijkstra UTXOW, ``MissingRequiredGuards``: the top level has the guards that are required."""
    new = tx.body.dijkstra or _NOTHING
    missing = sorted(new.required_guards.keys() - set(new.guards))
    if not missing:
        return None
    return Failure(
        "MissingRequiredGuards", f"guards are missing: {format_items(list(map(describe, missing)))}"
    )


STATIC_RULES = (
    wrong_network_deposits,
    wrong_network_balances,
    wrong_network_starting_balances,
    missing_required_guards,
)
"""Rules over a transaction and its environment, for bodies that Dijkstra's decoder has read."""


def _find_foreign(accounts: Iterable[bytes | Credential], env: Environment) -> list[str]:
    return [
        account.hex()
        for account in accounts
        if isinstance(account, bytes) and account[0] & 15 != env.network_id
    ]


def _refuse_foreign(name: str, wrong: list[str], env: Environment) -> Failure | None:
    if not wrong:
        return None
    return Failure(
        name, f"reward addresses are not of network id {env.network_id}: {format_items(wrong)}"
    )


# --- With scripts ---------------------------------------------------------------------------------


def malformed_guard_datums(resolved: ResolvedTransaction, scripts: Scripts) -> Failure | None:
    """Dijkstra UTXOW, ``MalformedGuardDatums``: a Plutus guard has a datum, another has none."""
    wrong = []
    for guard, datum in (resolved.tx.body.dijkstra or _NOTHING).required_guards.items():
        script = scripts.provided.get(guard.hash) if guard.is_script else None
        if guard.is_script and script is None:
            continue  # another rule misses it
        is_plutus = script is not None and script.language is not Language.NATIVE
        if is_plutus is (datum is None):
            wrong.append(describe(guard))
    if not wrong:
        return None
    return Failure("MalformedGuardDatums", f"datums are wrong for the guards {format_items(wrong)}")


def dijkstra_features(resolved: ResolvedTransaction, _scripts: Scripts) -> Failure | None:
    """Dijkstra UTXOS, ``guardDijkstraFeaturesForPlutusV1toV3``: no new fields for V1 to V3."""
    new = resolved.tx.body.dijkstra or _NOTHING
    unsupported = {
        "DirectDepositsNotSupported": bool(new.direct_deposits),
        "AccountBalanceIntervalsNotSupported": bool(new.balances or new.starting_balances),
        "GuardScriptHashesNotSupported": any(guard.is_script for guard in new.guards),
        "RequiredTopLevelGuardsNotSupported": bool(new.required_guards),
    }
    found = next((name for name, is_there in unsupported.items() if is_there), None)
    if found is None:
        return None
    return Failure(
        BAD_TRANSLATION + found, "Plutus V1 to V3 scripts cannot be shown this field of Dijkstra"
    )


SCRIPT_RULES = (malformed_guard_datums,)
"""Rules over a transaction and its scripts."""
CONTEXT_RULES = (dijkstra_features,)
"""Rules like :data:`SCRIPT_RULES`, if a Plutus script is needed."""


def plutus_v4(_resolved: ResolvedTransaction, scripts: Scripts) -> Failure | None:
    """Dijkstra, Plutus V4: scripts in this language are not judged, nor what they need."""
    found = sorted(
        {
            script.hash.hex()
            for script in scripts.plutus().values()
            if script.language is Language.PLUTUS_V4
        }
    )
    if not found:
        return None
    return refuse_unjudged(f"scripts in Plutus V4 ({format_items(found)}) are")


# --- With ledger state ----------------------------------------------------------------------------


def check_balances(body: Body, registry: Registry) -> Iterator[Failure]:
    """Yield the failures of balance intervals, before any withdrawal is applied.

    ``MissingAccountsIn…`` and ``BalancesOutside…``, each for ``AccountBalanceIntervals`` and
    ``StartingAccountBalanceIntervals``. Raises :class:`UnknownFactError`.
    """
    new = body.dijkstra or _NOTHING
    yield from _check_intervals("AccountBalanceIntervals", new.balances, registry)
    yield from _check_intervals("StartingAccountBalanceIntervals", new.starting_balances, registry)


def _check_intervals(
    name: str, intervals: Mapping[bytes | Credential, BalanceInterval], registry: Registry
) -> Iterator[Failure]:
    for account, interval in intervals.items():
        if isinstance(account, Credential):
            raise UnknownFactError(f"whether {name} name accounts without their network")
        credential = reward_credential(account)
        found = registry.account(credential)
        if found is None:
            yield Failure(f"MissingAccountsIn{name}", f"{describe(credential)} is not registered")
        elif not interval.holds(found.reward):
            yield Failure(
                f"BalancesOutside{name}",
                f"the account of {describe(credential)} holds {found.reward} lovelace, allowed are "
                f"{interval}",
            )


def check_deposits(body: Body, registry: Registry) -> Iterator[Failure]:
    """Yield ``DirectDepositAccountsMissing`` for each account, after all certificates.

    Raises :class:`UnknownFactError`.
    """
    for address in (body.dijkstra or _NOTHING).direct_deposits:
        credential = reward_credential(address)
        if registry.account(credential) is None:
            yield Failure(
                "DirectDepositAccountsMissing", f"{describe(credential)} is not registered"
            )


def list_accounts(new: DijkstraFields) -> Iterator[Credential]:
    """Yield the accounts that deposits and balance intervals are about."""
    for account in (*new.direct_deposits, *new.balances, *new.starting_balances):
        yield account if isinstance(account, Credential) else reward_credential(account)


def runs_plutus(scripts: Scripts) -> bool:
    """Return True in the ledger's legacy mode: a script of Plutus V1 to V3 runs."""
    return any(script.language < Language.PLUTUS_V4 for script in scripts.plutus().values())
