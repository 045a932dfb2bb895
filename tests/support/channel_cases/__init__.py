"""Requests about channels with one fault each, and the reason that each is refused for."""

from support.channel_cases.case import Case
from support.channel_cases.claims import claim_cases
from support.channel_cases.messages import config_cases, malformed, said_of_others, terms_cases
from support.channel_cases.openings import opening_cases
from support.channel_cases.refunds import refund_cases, settled_refund_cases
from support.channel_cases.sponsored_openings import sponsored_cases
from support.channel_cases.sponsored_steps import sponsored_step_cases
from support.channel_cases.top_ups import top_up_cases
from support.channel_cases.vouchers import found_cases, sponsored, voucher_cases

__all__ = ["CASES", "Case", "sponsored"]

CASES = [
    *malformed(),
    *said_of_others(),
    *terms_cases(),
    *config_cases(),
    *opening_cases(),
    *sponsored_cases(),
    *found_cases(),
    *voucher_cases(),
    *top_up_cases(),
    *refund_cases(),
    *settled_refund_cases(),
    *claim_cases(),
    *sponsored_step_cases(),
]
