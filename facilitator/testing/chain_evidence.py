"""Contract tests of evidence: what a server does not say proves nothing."""

from contextlib import suppress

import pytest

from facilitator.roles.chain import ExaminesServer, NamesNetwork, Unspent
from facilitator.roles.chain_errors import ChainUnavailable
from facilitator.testing.chain_under_test import ChainUnderTest, HidesSpends, Silence, pay
from facilitator.x402.networks import cardano_network


class EvidenceContract:
    """The part of :class:`~facilitator.testing.chain.ChainProviderContract` on evidence."""

    @pytest.mark.parametrize("how", ["missing", "null"])
    def test_silence_on_what_is_spent_is_no_evidence(
        self, chain: ChainUnderTest, how: Silence
    ) -> None:
        """A server that says of no output that it is spent must not make spent ones unspent."""
        if not isinstance(chain, HidesSpends):
            pytest.skip("the chain under test cannot hide what is spent")
        ref, _ = pay(chain)
        chain.hide_spends(how)
        provider = chain.provider
        with suppress(ChainUnavailable):
            if isinstance(provider, ExaminesServer):
                provider.examine()
            assert not isinstance(provider.outputs([ref])[ref], Unspent)

    def test_the_chain_is_that_of_the_network(self, chain: ChainUnderTest) -> None:
        """A payment for one network must not be judged by another's chain."""
        provider = chain.provider
        if not isinstance(provider, NamesNetwork):
            pytest.skip("the provider does not name the network of its chain")
        assert provider.network_magic() == cardano_network(provider.network).magic

    def test_what_the_server_can_do_is_a_line(self, chain: ChainUnderTest) -> None:
        """The log and the check show it."""
        provider = chain.provider
        if not isinstance(provider, ExaminesServer):
            pytest.skip("the provider does not examine its server")
        pay(chain)
        assert provider.examine().strip()
        assert "\n" not in provider.examine()
