"""Contract tests of an outage, of all or of one claim: the storage says so, and nothing else."""

from collections.abc import Callable
from typing import TypeAlias

import pytest

from facilitator.roles.api_keys import ApiKey, Scope, StoresApiKeys
from facilitator.roles.sharing import SharedOutput, SharesChain, SharesOutputs
from facilitator.roles.storage import HasServerTime, HoldsWithClaim, Storage, StorageUnavailable
from facilitator.testing.examples import example_claim, example_reservation

NETWORK = "cardano:preprod"
Calls: TypeAlias = "dict[str, Callable[[], object]]"


def calls_of(storage: Storage) -> Calls:
    """Return a call of each method of the storage but ``close``."""
    claim, reservation = example_claim(), example_reservation()
    calls: Calls = {
        "add_claim": lambda: storage.add_claim(claim),
        "claim": lambda: storage.claim(claim.transaction_id),
        "change_claim": lambda: storage.change_claim(claim.changed()),
        "remove_claim": lambda: storage.remove_claim(claim),
        "open_claims": storage.open_claims,
        "forget_claims": lambda: storage.forget_claims(0.0),
        "reserve": lambda: storage.reserve(reservation, 0.0, 1),
        "release": lambda: storage.release(claim.transaction_id),
        "cancel": lambda: storage.cancel(claim.transaction_id),
        "is_reserved": lambda: storage.is_reserved(claim.transaction_id, 0.0),
        "bound_to": lambda: storage.bound_to("key", 0.0),
        "bind_key": lambda: storage.bind_key("key", "value", 100.0, 0.0),
        "change_key": lambda: storage.change_key("key", "value", None, 0.0),
        "ping": storage.ping,
    }
    if isinstance(storage, HoldsWithClaim):
        both: HoldsWithClaim = storage
        calls["change_claim_and_hold"] = lambda: both.change_claim_and_hold(
            claim.changed(), reservation, 0.0
        )
    if isinstance(storage, SharesChain):
        chain: SharesChain = storage
        calls |= {
            "lead": lambda: chain.lead(NETWORK, "one", 0.0, 100.0),
            "resign": lambda: chain.resign(NETWORK, "one"),
            "publish": lambda: chain.publish(NETWORK, "one", 1, b"", [], 1),
            "published": lambda: chain.published(NETWORK, 0),
        }
    if isinstance(storage, SharesOutputs):
        outputs: SharesOutputs = storage
        shared = {"aa#0": SharedOutput(0, b"")}
        calls |= {
            "share_outputs": lambda: outputs.share_outputs(NETWORK, shared, 4_102_444_800.0),
            "shared_outputs": lambda: outputs.shared_outputs(NETWORK, ["aa#0"]),
        }
    if isinstance(storage, StoresApiKeys):
        keys: StoresApiKeys = storage
        key = ApiKey("shop", "a1" * 32, Scope.PAY, None, created_at=0.0)
        calls |= {
            "add_api_key": lambda: keys.add_api_key(key),
            "api_key": lambda: keys.api_key(key.digest),
            "api_keys": keys.api_keys,
            "revoke_api_key": lambda: keys.revoke_api_key("shop", 1.0),
            "note_api_key_use": lambda: keys.note_api_key_use("shop", 1.0),
        }
    if isinstance(storage, HasServerTime):
        calls["server_time"] = storage.server_time
    return calls


class OutageContract:
    """The promises of a storage whose back end cannot be reached; needs the fixture ``cut``."""

    @pytest.fixture
    def cut(self) -> Callable[[], None] | None:
        """Return a function that cuts the storage's back end; a subclass may define it.

        It stops a server, or takes a file away. The fixture may restore it after its ``yield``.
        """
        return None

    def test_a_storage_that_is_cut_off_says_so(
        self, storage: Storage, cut: Callable[[], None] | None
    ) -> None:
        """Each method raises ``StorageUnavailable``, never an error of its driver."""
        if cut is None:
            pytest.skip("define the fixture cut, which cuts the back end of the storage")
        storage.add_claim(example_claim())
        cut()
        outcomes = {name: _outcome(call) for name, call in calls_of(storage).items()}
        assert outcomes == dict.fromkeys(outcomes, "StorageUnavailable")

    @pytest.fixture
    def spoil(self) -> Callable[[str], None] | None:
        """Return a function that makes the claim on a transaction unreadable, by its id.

        A subclass may define it. It writes other bytes in the place of the claim's.
        """
        return None

    def test_a_claim_that_cannot_be_read_hides_no_other(
        self, storage: Storage, spoil: Callable[[str], None] | None
    ) -> None:
        """A newer facilitator wrote it, or it is damaged. The others are taken up all the same."""
        if spoil is None:
            pytest.skip("define the fixture spoil, which makes a claim unreadable")
        names = [f"{number:064x}" for number in range(3)]
        one, spoilt, other = (
            storage.add_claim(example_claim(transaction_id=name, created_at=float(age)))
            for age, name in enumerate(names)
        )
        spoil(spoilt.transaction_id)
        for _ in range(2):
            assert list(storage.open_claims()) == [one, other]
        with pytest.raises(StorageUnavailable, match=r"\w"):
            storage.claim(spoilt.transaction_id)
        assert storage.claim(other.transaction_id) == other


def _outcome(call: Callable[[], object]) -> str:
    """Return the name of the error, or what came instead of it."""
    try:
        return f"returned {call()!r:.80}"
    except StorageUnavailable as error:
        text = str(error)
        is_sentence = bool(text.strip()) and "\n" not in text
        return "StorageUnavailable" if is_sentence else f"StorageUnavailable({text!r})"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
