"""The example plugin ``policy``, installed as a third party's and run by a real facilitator."""

from contextlib import closing
from pathlib import Path

import pytest

from facilitator.testing.payments import BOB
from support.example_plugins import Installed, payment, post
from support.process import ServeProcess

SETTINGS = f"""\
[default]
plugins = ["devnet", "memory", "policy"]
[default.devnet]
block_seconds = 0.2
[default.policy]
deny_payers = ["{BOB.bech32}"]
max_per_day = ["5000000 lovelace"]
"""


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return Installed("policy", tmp_path_factory.mktemp("policy"))


def test_it_passes_its_own_tests(policy: Installed) -> None:
    policy.run_tests()


def reason(process: ServeProcess, body: object) -> str:
    """The reason by which both endpoints refuse the payment."""
    invalid = post(process, "/verify", body)["invalidReason"]
    assert post(process, "/settle", body)["errorReason"] == invalid
    return str(invalid)


def test_it_refuses_and_allows_also_after_a_restart(policy: Installed, tmp_path: Path) -> None:
    with closing(policy.serve(tmp_path, SETTINGS)) as process:
        assert reason(process, payment("bob", 0)) == "policy_payer_refused"
        paid = payment("alice", 0, 3_000_000)
        assert post(process, "/verify", paid)["isValid"] is True
        assert post(process, "/settle", paid)["success"] is True
        assert reason(process, payment("alice", 1, 2_000_001)) == "policy_daily_ceiling"
        process.process.kill()
        process.wait()
    with closing(policy.serve(tmp_path, SETTINGS)) as process:
        assert reason(process, payment("alice", 1, 2_000_001)) == "policy_daily_ceiling"
        assert post(process, "/settle", payment("alice", 1, 2_000_000))["success"] is True
