"""Whatever a server answers to a submission: a payment that lands is settled, by real HTTP."""

from contextlib import closing
from itertools import cycle
from pathlib import Path
from typing import Any

from facilitator.clock import SystemClock
from facilitator.testing.payments import Payer, transaction_id
from facilitator.testing.running import NETWORK, Running
from facilitator_devnet.blockfrost.api import BlockfrostApi
from facilitator_devnet.devnet import Devnet
from facilitator_devnet.genesis import wallets
from support.refusal_catalogue import CATALOGUE
from support.refusals import ALL_SPENT, shown, submit_api

SUBMIT = "POST /tx/submit"
REJECTED = "exact_cardano_settlement_definitively_rejected"
PENDING = "settlement_pending"
BY_PROOF = {case.proves: case.text for case in CATALOGUE if "Invalid path" not in case.text}
TEXTS = [
    *BY_PROOF.values(),
    submit_api(shown("FeeTooSmallUTxO")),
    submit_api(f"ConwayMempoolFailure {ALL_SPENT}"),
    submit_api("AllInputsAreSpent", era="Dijkstra"),
    "",
    "Failed to format submit error: unexpected tag 7",
]


def test_a_payment_that_lands_is_settled_whatever_was_answered(tmp_path: Path) -> None:
    with closing(Devnet(NETWORK, SystemClock())) as devnet, BlockfrostApi(devnet) as api:
        settings = {
            "FACILITATOR_PLUGINS": "blockfrost,memory",
            "FACILITATOR_BLOCKFROST__BASE_URL": api.url,
            "FACILITATOR_BLOCKFROST__PROJECT_ID": "preprodOfTheDevnet",
            "FACILITATOR_BLOCKFROST__POLL_SECONDS": "1",
        }
        devnet.produce_block()
        with closing(Running(tmp_path, settings=settings, real_time=True)) as running:
            payers = cycle([Payer(running, wallet) for wallet in wallets(NETWORK).values()])
            bodies = [next(payers).body(confirmations=1) for _ in TEXTS]
            # As on a server that shows no mempool, so that nothing is known before a block.
            api.faults.answer(404, "GET /mempool/{hash}")
            reasons = []
            for body, text in zip(bodies, TEXTS, strict=True):
                api.faults.refuse(text, SUBMIT, times=1)
                reasons.append(running.settle(body, Prefer="wait=0")["errorReason"])
            assert set(reasons) == {PENDING, REJECTED}
            assert len(devnet_mempool(devnet)) == len(TEXTS)
            devnet.produce_block()
            devnet.produce_block()
            for body in bodies:
                answer = running.settle_until(body, lambda answer: bool(answer["success"]))
                assert answer["transaction"] == transaction_id(body)
                _, status = running.call("GET", f"/status/{transaction_id(body)}")
                assert (status["status"], status["settled"]) == ("confirmed", True)


def devnet_mempool(devnet: Devnet) -> Any:
    with devnet.chain() as chain:
        return set(chain.waiting)
