"""Each check of the draft refuses what it is for, by its reason."""

import pytest

from facilitator.plugin import Refused
from facilitator_channels.scheme import ChannelScheme
from support.channel_cases import CASES, Case
from support.channel_ledger import Ledger
from support.channels import judge


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_fault_is_refused_by_its_reason(
    case: Case, scheme: ChannelScheme, ledger: Ledger
) -> None:
    body = case.make(ledger)
    with pytest.raises(Refused) as refused:
        judge(scheme, body, settles=case.settles)
    assert str(refused.value.reason) == case.full_reason, refused.value.message
    assert refused.value.message.strip()
