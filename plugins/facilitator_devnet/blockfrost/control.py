"""``/devnet/…``: the tests' control of the API's devnet, neither counted nor subject to faults."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeAlias, TypeVar

import orjson

from facilitator.cardano.addresses.address import parse_address
from facilitator.plugin import Block, ChainUnavailable, is_loopback, is_own_host
from facilitator_devnet.blockfrost.counters import Counters
from facilitator_devnet.blockfrost.errors import ApiError, invalid
from facilitator_devnet.blockfrost.faults import Fault, Faults
from facilitator_devnet.blockfrost.server import Answer, Message
from facilitator_devnet.devnet import Devnet

Arguments: TypeAlias = Mapping[str, Any]
T = TypeVar("T")

_FORWARDING = ("forwarded", "via", "x-forwarded", "x-real-ip", "cf-")
"""Beginnings of the names of headers that proxies and tunnels add."""


class ControlledApi(Protocol):
    """The part of the API that the routes control."""

    devnet: Devnet
    faults: Faults
    counters: Counters
    host: str
    """The address or name that it listens on."""

    def counts(self) -> Mapping[str, Any]:
        """Return the requests counted since the last reset."""
        ...

    def wear(self, dress: str) -> None:
        """Change the manners. Raises :class:`ValueError` for a name that there is not."""
        ...


def control(api: ControlledApi, message: Message, path: str) -> Answer:
    """Run the action of the request."""
    try:
        _refuse_strangers(message, api.host)
        action = ACTIONS.get(f"{message.method} {path}")
        if action is None:
            raise ApiError(404, f"there are only {', '.join(ACTIONS)}")
        return Answer(200, orjson.dumps(action(api, _arguments(message.body))))
    except ApiError as error:
        return Answer(error.status, orjson.dumps(error.body))


def _refuse_strangers(message: Message, host: str) -> None:
    """Refuse web pages, and on the loopback other machines behind a proxy, with 403.

    A browser sends the simple requests of any page, to any address. It names the page in one of
    two headers, or sends the page's own name as ``Host``.
    """
    headers = message.headers
    if "origin" in headers or "sec-fetch-site" in headers:
        raise ApiError(403, "a web page cannot control the devnet")
    if not is_loopback(host):
        return
    if not is_own_host(headers.get("host"), host):
        raise ApiError(403, "the Host of the request is not that of the devnet")
    if any(name.startswith(_FORWARDING) for name in headers):
        raise ApiError(403, "the devnet is controlled from its own machine, not by a proxy")


def _arguments(body: bytes) -> Arguments:
    try:
        arguments = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError as error:
        raise invalid(f"the body is not JSON: {error}") from error
    if not isinstance(arguments, dict):
        raise invalid("the body must be a JSON object")
    return arguments


def _counters(api: ControlledApi, _: Arguments) -> Any:
    return api.counts()


def _reset_counters(api: ControlledApi, _: Arguments) -> Any:
    api.counters.reset()
    return api.counts()


def _faults(api: ControlledApi, _: Arguments) -> Any:
    return api.faults.active()


def _add_fault(api: ControlledApi, arguments: Arguments) -> Any:
    try:
        api.faults.add(Fault(**arguments))
    except (TypeError, ValueError) as error:
        raise invalid(str(error)) from error
    return api.faults.active()


def _clear_faults(api: ControlledApi, _: Arguments) -> Any:
    api.faults.clear()
    return api.faults.active()


def _block(api: ControlledApi, _: Arguments) -> Any:
    return _made(_checked(api.devnet.produce_block))


def _rollback(api: ControlledApi, arguments: Arguments) -> Any:
    blocks, drop = arguments.get("blocks", 1), arguments.get("drop", False)
    if type(blocks) is not int or type(drop) is not bool:
        raise invalid("blocks must be a whole number and drop true or false")
    _checked(lambda: api.devnet.rollback(blocks, drop=drop))
    with api.devnet.chain() as chain:
        return _made(chain.tip)


def _faucet(api: ControlledApi, arguments: Arguments) -> Any:
    lovelace, assets = arguments.get("lovelace"), arguments.get("assets", {})
    quantities = [lovelace, *(assets.values() if isinstance(assets, dict) else [None])]
    if not all(type(quantity) is int and 0 < quantity < 2**63 for quantity in quantities):
        raise invalid("lovelace and the quantities in assets must be whole numbers above 0")
    ref = _checked(
        lambda: api.devnet.fund(
            parse_address(str(arguments.get("address"))),
            arguments["lovelace"],
            {bytes.fromhex(unit): quantity for unit, quantity in assets.items()},
        )
    )
    return {"tx_hash": ref.transaction_id.hex(), "output_index": ref.index}


def _dress(api: ControlledApi, arguments: Arguments) -> Any:
    name = str(arguments.get("name"))
    _checked(lambda: api.wear(name))
    return {"name": name}


def _checked(action: Callable[[], T]) -> T:
    try:
        return action()
    except ValueError as error:
        raise invalid(str(error)) from error
    except ChainUnavailable as error:
        raise ApiError(500, str(error)) from error


def _made(block: Block) -> dict[str, Any]:
    return {
        "hash": block.point.block,
        "height": block.height,
        "slot": block.point.slot,
        "transactions": block.transactions,
    }


ACTIONS: Mapping[str, Callable[[ControlledApi, Arguments], Any]] = {
    "GET /devnet/counters": _counters,
    "POST /devnet/counters/reset": _reset_counters,
    "GET /devnet/faults": _faults,
    "POST /devnet/faults": _add_fault,
    "POST /devnet/faults/clear": _clear_faults,
    "POST /devnet/block": _block,
    "POST /devnet/rollback": _rollback,
    "POST /devnet/faucet": _faucet,
    "POST /devnet/dress": _dress,
}
"""The actions by method and path."""
