"""The command ``facilitator keys``."""

import argparse
import re
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from facilitator.api.key_text import digest_of, make_key
from facilitator.cli import add_settings_option
from facilitator.cli.output import add_json_option, print_json, print_table, without_secrets
from facilitator.clock import SystemClock
from facilitator.errors import FacilitatorError
from facilitator.plugin.context import Context
from facilitator.plugin.loading import configure
from facilitator.plugin.manager import Plugins
from facilitator.roles.api_keys import ApiKey, Scope, StoresApiKeys
from facilitator.roles.storage import Storage, StorageUnavailable
from facilitator.settings import Settings

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
MOST_PER_MINUTE = 1_000_000_000
_HEADINGS = ("NAME", "SCOPE", "A MINUTE", "CREATED", "EXPIRES", "LAST USED", "STATE")
_UNITS = {"d": "days", "h": "hours"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``add``, ``list`` and ``revoke``, each with its options."""
    parser.description = (
        "Make, list and revoke API keys that are kept in the storage. Every process that uses the "
        "same storage sees a change at its next request."
    )
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    add = _action(actions, "add", "make a key, and print it once", _add)
    add.add_argument("name", metavar="NAME", type=_name, help="its name, which is never used again")
    add.add_argument(
        "--scope",
        choices=[*Scope],
        default=Scope.PAY,
        help="pay for /verify, /settle and /cancel; operate for the operator's own endpoints",
    )
    add.add_argument(
        "--limit", metavar="N", type=_limit, help="requests a minute, else as the settings say"
    )
    add.add_argument(
        "--expires", metavar="D", type=_end, help="its end: 90d, 12h, or a date such as 2027-01-31"
    )
    add_json_option(_action(actions, "list", "list all keys, also those that are over", _list))
    revoke = _action(actions, "revoke", "end a key at once, and for ever", _revoke)
    revoke.add_argument("name", metavar="NAME", type=_name, help="its name")


def run(arguments: argparse.Namespace) -> int:
    """Do what the action says; return the exit code. Raises :class:`FacilitatorError`."""
    settings, plugins = configure(arguments.settings)
    with without_secrets(settings), _stored(settings, plugins) as keys:
        arguments.act(arguments, settings, keys)
    return 0


def _action(actions: Any, name: str, summary: str, act: Any) -> argparse.ArgumentParser:
    action: argparse.ArgumentParser = actions.add_parser(
        name, help=summary, description=summary.capitalize() + "."
    )
    add_settings_option(action, default=argparse.SUPPRESS)
    action.set_defaults(act=act)
    return action


@contextmanager
def _stored(settings: Settings, plugins: Plugins) -> Iterator[StoresApiKeys]:
    """Open the storage that the settings name, beside those that serve; close it afterwards."""
    context = Context(settings, SystemClock(), is_trial=True, hooks=plugins)
    try:
        with closing(plugins.one_storage(context)) as storage:
            yield _keys_of(storage)
    except StorageUnavailable as error:
        raise FacilitatorError(
            f"the storage does not work: {' '.join(error.detail.split())}. It is not known if the"
            " keys have changed: see 'facilitator keys list'"
        ) from error


def _keys_of(storage: Storage) -> StoresApiKeys:
    """Return the storage as one that keeps API keys. Raises :class:`FacilitatorError`."""
    if not (storage.is_shared and storage.is_durable):
        raise FacilitatorError(
            "the storage keeps what it has in its own process, so that keys would be lost: enable"
            " sqlite, redis or postgres in place of it"
        )
    keys: object = storage
    if not isinstance(keys, StoresApiKeys):
        raise FacilitatorError(
            "the storage keeps no API keys: set them in auth.api_keys, or enable sqlite, redis or"
            " postgres in place of it"
        )
    return keys


def _add(arguments: argparse.Namespace, settings: Settings, keys: StoresApiKeys) -> None:
    name = arguments.name
    if name in _names(settings):
        raise FacilitatorError(f"the settings have a key named {name}: take another name")
    key = make_key()
    made = ApiKey(
        name,
        digest_of(key),
        Scope(arguments.scope),
        arguments.limit,
        created_at=time.time(),
        expires_at=arguments.expires,
    )
    if not keys.add_api_key(made):
        raise FacilitatorError(
            f"a key named {name} is there, or was: take another name, since the idempotency keys"
            " and payment identifiers of a name are its own for ever"
        )
    print(key)
    notes = [f"The key {name} is shown this once: the storage has its hash alone."]
    if made.scope is Scope.PAY and not settings.auth.payments_need_key:
        notes.append("Payments pass without a key, too, until auth.required is true.")
    print("\n".join(notes), file=sys.stderr)


def _list(arguments: argparse.Namespace, settings: Settings, keys: StoresApiKeys) -> None:
    now = time.time()
    taken = _names(settings)
    found = [(key, _state(key, taken, now)) for key in keys.api_keys()]
    if arguments.json:
        print_json([_entry(key, state) for key, state in found])
        return
    print_table([_HEADINGS, *(_row(key, state) for key, state in found)])
    if taken:
        print(f"The settings have {', '.join(sorted(taken))} as well.")


def _revoke(arguments: argparse.Namespace, settings: Settings, keys: StoresApiKeys) -> None:
    name = arguments.name
    if not keys.revoke_api_key(name, time.time()):
        remedy = "see 'facilitator keys list'"
        if name in _names(settings):
            remedy = "it is one of the settings, so remove it there, and send SIGHUP"
        raise FacilitatorError(f"the storage has no key named {name}: {remedy}")
    print(f"The key {name} is revoked.")


def _names(settings: Settings) -> set[str]:
    """Return the names of the keys in the settings."""
    return {*settings.auth.api_keys, *settings.auth.operator_keys}


def _state(key: ApiKey, taken: set[str], now: float) -> str:
    if key.revoked_at is not None:
        return "revoked"
    if key.has_expired(now):
        return "expired"
    return "replaced by the settings" if key.name in taken else "valid"


def _entry(key: ApiKey, state: str) -> dict[str, Any]:
    return {
        "name": key.name,
        "scope": key.scope,
        "perMinute": key.per_minute,
        "created": _time(key.created_at),
        "expires": _time(key.expires_at),
        "revoked": _time(key.revoked_at),
        "lastUsed": _time(key.used_at),
        "state": state,
    }


def _row(key: ApiKey, state: str) -> Sequence[str]:
    times = (key.created_at, key.expires_at, key.used_at)
    limit = "-" if key.per_minute is None else str(key.per_minute)
    return (key.name, key.scope, limit, *(_time(each) or "-" for each in times), state)


def _time(seconds: float | None) -> str | None:
    """Return Unix seconds as UTC in ISO 8601."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _name(text: str) -> str:
    if not NAME.fullmatch(text):
        raise argparse.ArgumentTypeError(
            "a name is 1 to 64 letters, digits, '.', '_' and '-', and begins with a letter or digit"
        )
    return text


def _limit(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,10}", text) or not 1 <= int(text) <= MOST_PER_MINUTE:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 to {MOST_PER_MINUTE}")
    return int(text)


def _end(text: str) -> float:
    """Return the Unix seconds of an end: days or hours from now, or the beginning of a date."""
    now = datetime.now(UTC)
    try:
        if found := re.fullmatch(r"([0-9]{1,6})([dh])", text):
            end = now + timedelta(**{_UNITS[found[2]]: int(found[1])})
        else:
            end = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(
            "must be a number of days or hours such as 90d or 12h, or a date such as 2027-01-31"
        ) from None
    if end <= now:
        raise argparse.ArgumentTypeError("must be in the future")
    return end.timestamp()
