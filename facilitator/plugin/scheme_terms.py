"""The terms of a payment in a plugin's scheme."""

from facilitator.exact import terms
from facilitator.roles.payment import Terms
from facilitator.settings import Settings
from facilitator.x402.messages import PaymentRequest


def agree_terms(
    request: PaymentRequest, settings: Settings, *, pays_nothing: bool = False
) -> Terms:
    """Return the terms of a request, by the rules that the scheme ``exact`` has for them.

    The client's echo of the requirements must say the same as these. The network is served, amount
    and asset are well formed, and ``payTo`` is an address. The operator's limits on the time and on
    ``extra.confirmationPolicy`` are kept. For a message that ``pays_nothing`` amount and time may
    be 0. Raises :class:`~facilitator.roles.refused.Refused`.
    """
    return terms.agree_terms(
        request,
        settings.networks,
        (),
        policy=terms_policy(settings),
        scheme=request.requirements.scheme,
        pays_nothing=pays_nothing,
    )


def terms_policy(settings: Settings) -> terms.TermsPolicy:
    """Return the operator's limits on requirements."""
    settlement = settings.settlement
    return terms.TermsPolicy(settlement.accept_mempool, settlement.max_timeout_seconds)
