"""Which networks can be registered, and under which names they are known."""

from collections.abc import Iterator

import pytest

from facilitator.cardano.slots import Era, EraSummary
from facilitator.x402.networks import (
    MAINNET,
    NETWORKS,
    CardanoNetwork,
    Network,
    canonical_network,
    cardano_network,
    cardano_networks,
)
from support.networks import forgotten_afterwards

SANCHONET = CardanoNetwork("cardano:sanchonet", ("cardano:sancho",), magic=4)
TOY = Network("toy:carousel", ("toy:merry-go-round",))


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    with forgotten_afterwards():
        yield


def test_the_public_networks_are_known_by_two_names() -> None:
    assert list(NETWORKS) == ["cardano:mainnet", "cardano:preprod", "cardano:preview"]
    for alias, network in zip(
        ("cip34:1-764824073", "cip34:0-1", "cip34:0-2"), NETWORKS, strict=True
    ):
        assert canonical_network(alias) == canonical_network(network) == network
    assert canonical_network("cardano:sanchonet") is None


def test_a_registered_network_is_known_by_all_of_its_names() -> None:
    NETWORKS.register(SANCHONET, "a test")
    for name in ("cardano:sanchonet", "cardano:sancho", "cip34:0-4"):
        assert canonical_network(name) == "cardano:sanchonet"
    assert cardano_network("cardano:sanchonet") is SANCHONET
    assert SANCHONET in cardano_networks()
    assert len(NETWORKS) == 4


def test_the_same_network_may_be_registered_again() -> None:
    for owner in ("a test", "a test", "another one"):
        eras = EraSummary([Era(0, 1, 1000)])
        NETWORKS.register(CardanoNetwork("cardano:private", magic=9, eras=eras), owner)
    assert len(NETWORKS) == 4


def test_a_network_stays_as_it_is() -> None:
    NETWORKS.register(SANCHONET, "a test")
    changed = CardanoNetwork(SANCHONET.id, magic=5)
    NETWORKS.register(changed, "a test")
    with pytest.raises(ValueError, match="is known with other properties, by a test"):
        NETWORKS.register(changed, "another one")
    assert cardano_network(SANCHONET.id) is SANCHONET
    assert canonical_network("cip34:0-5") is None


def test_what_is_not_of_cardano_says_so_by_its_type() -> None:
    NETWORKS.register(TOY, "a test")
    assert canonical_network("toy:merry-go-round") == "toy:carousel"
    assert NETWORKS["toy:carousel"] is TOY
    assert TOY not in cardano_networks()
    with pytest.raises(LookupError):
        cardano_network("toy:carousel")


@pytest.mark.parametrize(
    ("network", "complaint"),
    [
        (CardanoNetwork("cardano:main2", network_id=1, magic=5), "network_id 0"),
        (CardanoNetwork("cardano:main2", network_id=1, magic=764824073), "network_id 0"),
        (CardanoNetwork("cardano:main2", magic=764824073), "mainnet's"),
        (CardanoNetwork("cardano:main2", network_id=True, magic=5), "whole numbers"),
        (CardanoNetwork("cardano:main2", magic=764824073.0), "whole numbers"),  # type: ignore[arg-type]
        (CardanoNetwork("cardano:main2", network_id=3, magic=5), "network_id 0"),
        (CardanoNetwork("cardano:mainnet", magic=5), "is known with other properties"),
        (CardanoNetwork("cardano:preprod", magic=1), "is known with other properties"),
        (CardanoNetwork("cardano:other", magic=1), "has the name cip34:0-1, as has cardano:pre"),
        (CardanoNetwork("cardano:other", ("cardano:mainnet",), magic=5), "has the name cardano:ma"),
        (CardanoNetwork("cardano:other", ("cip34:1-764824073",), magic=5), "a CIP-34 id says"),
        (CardanoNetwork("cardano:other", ("cip34:0-6",), magic=5), "a CIP-34 id says"),
        (CardanoNetwork("cardano:other", ("no id",), magic=5), "aliases such as"),
        (CardanoNetwork("cardano:Other", magic=5), "in lower case"),
        (CardanoNetwork("cardano:", magic=5), "an id such as"),
        (CardanoNetwork("cardano:a\n", magic=5), "an id such as"),
        (CardanoNetwork(5, magic=5), "texts"),  # type: ignore[arg-type]
        (CardanoNetwork("cardano:other", magic=-1), "a magic from 0"),
        (CardanoNetwork("cardano:other", magic=1 << 32), "a magic from 0"),
        (CardanoNetwork("cardano:other", magic=5, epoch_slots=0), "epoch_slots"),
        (CardanoNetwork("cardano:other", magic=5, eras=EraSummary([Era(0, 0, 0)])), "millisecond"),
        (CardanoNetwork("other:one", magic=5), "if it is a CardanoNetwork"),
        (Network("cardano:other"), "if it is a CardanoNetwork"),
        (Network("toy:other", ("cip34:0-9",)), "a CIP-34 id says"),
    ],
)
def test_what_is_misshapen_or_passes_for_another_is_refused(
    network: Network, complaint: str
) -> None:
    before = dict(NETWORKS)
    with pytest.raises(ValueError, match=complaint):
        NETWORKS.register(network, "a test")
    assert dict(NETWORKS) == before
    assert canonical_network("cardano:mainnet") == MAINNET.id
