"""What one transaction alone can use, beside its inputs."""

import pytest

from facilitator.cardano.transaction import Body, Certificate, Credential, OutputRef
from facilitator.exact.single_use import single_uses

REF = OutputRef(b"\x11" * 32, 2)
KEY, SCRIPT = Credential(is_script=False, hash=b"\xaa" * 28), Credential(True, b"\xbb" * 28)
NETWORK = "cardano:preprod"
ACCOUNT = f"{NETWORK} account key {'aa' * 28}"
BY_SCRIPT = f"{NETWORK} account script {'bb' * 28}"


@pytest.mark.parametrize(
    ("body", "names"),
    [
        (Body((REF,), (), 0), set()),
        (Body((REF,), (), 0, withdrawals={b"\xe0" + KEY.hash: 1}), {ACCOUNT}),
        (Body((REF,), (), 0, withdrawals={b"\xf1" + SCRIPT.hash: 1}), {BY_SCRIPT}),
        (Body((REF,), (), 0, withdrawals={b"\xf1" + SCRIPT.hash: 0}), set()),
        (Body((REF,), (), 0, certificates=(Certificate(7, KEY),)), {ACCOUNT}),
        (Body((REF,), (), 0, certificates=(Certificate(8, SCRIPT),)), {BY_SCRIPT}),
        (Body((REF,), (), 0, certificates=(Certificate(9, KEY),)), set()),
        (
            Body((REF,), (), 0, certificates=(Certificate(3, pool=KEY.hash),)),
            {f"{NETWORK} pool key {'aa' * 28}"},
        ),
        (Body((REF,), (), 0, certificates=(Certificate(4, pool=KEY.hash),)), set()),
        (
            Body((REF,), (), 0, certificates=(Certificate(16, KEY),)),
            {f"{NETWORK} DRep key {'aa' * 28}"},
        ),
    ],
    ids=[
        "inputs", "rewards", "a script's rewards", "no rewards", "a registration",
        "a deregistration", "a delegation", "a pool", "a pool's end", "a DRep",
    ],
)  # fmt: skip
def test_what_it_uses_up(body: Body, names: set[str]) -> None:
    assert single_uses(body, NETWORK) == {f"{'11' * 32}#2", *names}


def test_the_same_keys_have_an_account_on_each_network() -> None:
    body = Body((), (), 0, certificates=(Certificate(7, KEY), Certificate(16, KEY)))
    assert not single_uses(body, NETWORK) & single_uses(body, "cardano:mainnet")
