"""Callers of a fleet: each settles one payment after the other, and asks again until it knows."""

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import orjson
from mainnet_chain import NETWORK, Payer
from mainnet_fleet import Replica
from virtual_time import VirtualEvent, VirtualTime

from chaos.history import Call, Offer
from facilitator.cardano.codec.transaction_decoder import decode_transaction
from facilitator.x402.messages import parse_payment_request
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.samples import payload, requirements
from facilitator_devnet.wallet import Wallet

AMOUNT = 2_000_000
WAIT_SECONDS = 75.0
VALID_SECONDS = 3600


class Callers:
    """Resource servers that settle one payment after the other, each at one replica and another."""

    def __init__(
        self,
        replicas: Sequence[Replica],
        devnet: Devnet,
        clock: VirtualTime,
        confirmations: int,
        number: int,
    ) -> None:
        self._replicas = replicas
        self._clock = clock
        self._stopped: VirtualEvent = clock.event()
        self.calls: list[Call] = []
        self.verdicts: list[Call] = []
        self.cpu: defaultdict[str, float] = defaultdict(float)
        """Seconds of CPU of the callers' threads: within verify and settle."""
        self.in_flight = 0
        merchant = Wallet("merchant")
        self._to = merchant.address
        self._terms = requirements(
            NETWORK, merchant.bech32, AMOUNT, confirmations=confirmations, seconds=VALID_SECONDS
        )
        self._confirmations = confirmations
        payers = [Payer(devnet, f"caller {each}") for each in range(number)]
        thread_class = clock.thread_class()
        self._threads = [
            thread_class(target=self._run, args=(each, payer), daemon=True)
            for each, payer in enumerate(payers)
        ]

    def start(self) -> None:
        for each in self._threads:
            each.start()

    def stop(self) -> None:
        """Have each end with the settlement that it waits for."""
        self._stopped.set()

    def join(self) -> None:
        for each in self._threads:
            each.join()

    def _run(self, number: int, payer: Payer) -> None:
        # They do not all begin at once.
        self._stopped.wait(number * 20.0 / len(self._threads) % 20)
        turn = number
        while not self._stopped.is_set():
            raw, spent = payer.pay(self._to, AMOUNT, seconds=VALID_SECONDS - 60)
            body = {
                "x402Version": 2,
                "paymentPayload": payload(self._terms, raw, spent),
                "paymentRequirements": self._terms,
            }
            request = parse_payment_request(body)
            offer = Offer(_id_of(raw), self._confirmations, orjson.dumps(body))
            service = self._replicas[turn % len(self._replicas)].facilitator.service
            verdict = partial(service.verify, request, client=str(number))
            self._ask("verify", offer, verdict, self.verdicts, number)
            self.in_flight += 1
            while True:
                turn += 1
                service = self._replicas[turn % len(self._replicas)].facilitator.service
                settle = partial(
                    service.settle,
                    request,
                    wait_seconds=WAIT_SECONDS,
                    idempotency_key=None,
                    client_disconnected=lambda: False,
                    client=str(number),
                )
                call = self._ask("settle", offer, settle, self.calls, number)
                if call.is_conclusive:
                    break
                self._stopped.wait(1.0 if call.ended == call.sent else 0.0)
            self.in_flight -= 1

    def _ask(
        self, what: str, offer: Offer, ask: Callable[[], Any], calls: list[Call], number: int
    ) -> Call:
        sent, began = self._clock.now, time.thread_time()
        answer = ask().to_json()
        self.cpu[what] += time.thread_time() - began
        call = Call(
            offer,
            None,
            sent,
            self._clock.now,
            200,
            answer,
            caller=str(number),
            wait_seconds=WAIT_SECONDS,
        )
        calls.append(call)
        return call


def _id_of(raw: bytes) -> str:
    return decode_transaction(raw).id.hex()
