"""Tools for tests of plugins: a clock that is set by hand, examples, contract tests.

Needs pytest and hypothesis.
"""

import pytest

# Without it, a failed assertion of a contract test would not show the values it compared.
pytest.register_assert_rewrite(
    *(
        f"{__name__}.{name}"
        for name in (
            "chain",
            "chain_evidence",
            "chain_outage",
            "chain_submission",
            "error_reporter",
            "meter",
            "payment_ledger",
            "rate_limiter",
            "start",
            "storage",
            "transfer_method",
            "wallet",
        )
    )
)
