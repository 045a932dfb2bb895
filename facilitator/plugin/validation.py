"""Validation of what a plugin's hook returns, against the contract of that hook.

It runs at start. A violation found later would be a fault while a payment settles.
"""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from facilitator.exact.methods import TransferMethod
from facilitator.roles.chain import ChainProvider
from facilitator.roles.metrics import Meter
from facilitator.roles.payer import Payer
from facilitator.roles.payment_ledger import PaymentLedger
from facilitator.roles.rate_limit import RateLimiter
from facilitator.roles.reporting import ErrorReporter
from facilitator.roles.scheme import Scheme
from facilitator.roles.storage import Storage
from facilitator.roles.wallet import Wallet
from facilitator.x402.networks import Network

PARTS: Mapping[str, type] = {
    "meter": Meter,
    "chain_provider": ChainProvider,
    "storage": Storage,
    "payment_ledger": PaymentLedger,
    "rate_limiter": RateLimiter,
    "error_reporter": ErrorReporter,
}
"""Hook name to the protocol that the returned part implements."""
TABLES = (
    "settings_sections", "transfer_methods", "schemes", "routes", "health_checks", "wallets",
    "payers",
)  # fmt: skip
"""Hooks that return a mapping by name."""


def contract_violation(hook: str, returned: object) -> str | None:
    """Return the violation of the hook's contract, to end a sentence; ``None`` without one."""
    if hook in PARTS:
        return _protocol_violation(PARTS[hook], returned)
    if hook in TABLES:
        if not isinstance(returned, Mapping):
            return f"{_a(returned)}, not a mapping"
        violations = (_entry_violation(hook, name, value) for name, value in returned.items())
        return next(filter(None, violations), None)
    if hook == "networks" and not _are_networks(returned):
        return "something else than a list of Network"
    if hook == "cli_commands" and not _are_commands(returned):
        return "something else than a list of (name, help, function)"
    return None


def _entry_violation(hook: str, name: object, value: object) -> str | None:
    wrong = None
    if not isinstance(name, str):
        wrong = "whose name is not text"
    elif hook == "transfer_methods":
        wrong = _protocol_violation(TransferMethod, value)
    elif hook == "schemes":
        wrong = _protocol_violation(Scheme, value)
    elif hook == "wallets":
        wrong = _protocol_violation(Wallet, value)
    elif hook == "payers":
        wrong = _protocol_violation(Payer, value)
    elif hook == "health_checks" and not callable(value):
        wrong = f"{_a(value)}, which cannot be called"
    elif hook == "routes" and not any(each.startswith("on_") for each in dir(value)):
        wrong = f"{_a(value)} without a method such as on_get"
    elif hook == "routes" and not isinstance(getattr(value, "openapi", None), Mapping | None):
        wrong = f"{_a(value)} whose openapi is no mapping"
    return wrong and f"{name!r}: {wrong}"


def _protocol_violation(protocol: type, part: object) -> str | None:
    if inspect.isclass(part):
        return f"the class {part.__name__}: return an instance of it"
    members = {name: each for name, each in vars(protocol).items() if not name.startswith("_")}
    missing = [name for name in members if not has_member(part, name)]
    if missing:
        return f"{_a(part)} without {', '.join(missing)}"
    for name, member in members.items():
        if inspect.isfunction(member) and not _takes(getattr(part, name), member):
            return f"{_a(part)} whose {name} does not take {', '.join(_parameters(member))}"
    return None


def has_member(part: object, name: str) -> bool:
    """Return True if the part has the member; a property is not read."""
    return hasattr(type(part), name) or hasattr(part, name)


def _takes(method: object, wanted: Any) -> bool:
    """Return True if the method can be called like the protocol's, by position and by name."""
    if not callable(method):
        return False
    try:
        signature = inspect.signature(method)
    except (TypeError, ValueError):  # Python does not know the signature
        return True
    parameters = _parameters(wanted)
    anonymous = [name for name, each in parameters.items() if each.kind is each.POSITIONAL_ONLY]
    named = [
        name
        for name, each in parameters.items()
        if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)
    ]
    only = [name for name in named if parameters[name].kind is inspect.Parameter.KEYWORD_ONLY]
    by_position = [*anonymous, *(name for name in named if name not in only)]
    try:
        signature.bind(*anonymous, **dict.fromkeys(named))
        signature.bind(*by_position, **dict.fromkeys(only))
    except TypeError:
        return False
    return True


def _parameters(method: Any) -> dict[str, inspect.Parameter]:
    """Return the parameters without ``self``."""
    return dict(list(inspect.signature(method).parameters.items())[1:])


def _are_networks(returned: object) -> bool:
    return isinstance(returned, Sequence) and all(isinstance(each, Network) for each in returned)


def _are_commands(returned: object) -> bool:
    return isinstance(returned, Sequence) and all(
        isinstance(each, tuple)
        and [isinstance(part, str) for part in each] == [True, True, False]
        and callable(each[2])
        for each in returned
    )


def _a(value: object) -> str:
    kind = type(value).__name__
    return f"{'an' if kind[0] in 'aeiouAEIOU' else 'a'} {kind}"
