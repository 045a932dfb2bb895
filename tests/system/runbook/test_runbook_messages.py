"""Every message that the runbook quotes, brought about in a real facilitator."""

from pathlib import Path

import pytest

from runbook.runbook_page import PAGE, after, messages
from runbook.scenarios import SCENARIOS, Scenario

pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="needs a checkout: no docs/ here")


@pytest.mark.parametrize(("name", "scenario"), SCENARIOS)
def test_the_message_comes_as_it_is_quoted(name: str, scenario: Scenario, tmp_path: Path) -> None:
    printed = scenario(tmp_path)
    for expected in messages(PAGE.read_text())[name]:
        assert after(printed, expected) is not None, printed


def test_every_message_has_a_scenario() -> None:
    assert set(messages(PAGE.read_text())) == {parameter.id for parameter in SCENARIOS}
