"""A devnet behind its Koios API, asked by the plugin."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from facilitator.testing.chain import Silence
from facilitator.testing.clock import ManualClock
from facilitator.testing.over_devnet import OverDevnet
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.koios.api import BODY_BYTES, OGMIOS, ROOT, SUBMIT, KoiosApi
from facilitator_koios.client import Client
from facilitator_koios.provider import EvaluatingKoios, Koios

NETWORK = "cardano:preprod"


class KoiosUnderTest(OverDevnet[Koios]):
    """A chain under test that can hide what is spent, refuse what it takes, and be cut off."""

    def __init__(self, api: KoiosApi, provider: Koios) -> None:
        super().__init__(provider, api.devnet)
        self.api = api

    def hide_spends(self, how: Silence) -> None:
        hidden = {} if how == "missing" else {"is_spent": False}
        for endpoint in ("POST /utxo_info", "POST /address_utxos"):
            self.api.edits[endpoint] = lambda row: {
                **{name: value for name, value in row.items() if name != "is_spent"},
                **hidden,
            }

    def refuse_what_is_taken(self, text: str) -> None:
        for endpoint in (OGMIOS, SUBMIT):
            self.api.faults.refuse(text, endpoint, times=1)

    def cut_off(self) -> None:
        self.api.close()


@contextmanager
def under_test(clock: ManualClock, body_limit: int | None = BODY_BYTES) -> Iterator[KoiosUnderTest]:
    """Yield a chain under test."""
    with closing(Devnet(NETWORK, clock)) as devnet, KoiosApi(devnet) as api:
        client = Client(f"{api.url}{ROOT}", None, clock=clock, timeout=60, body_limit=body_limit)
        with closing(EvaluatingKoios(NETWORK, client, clock, poll_seconds=0.1)) as provider:
            yield KoiosUnderTest(api, provider)
