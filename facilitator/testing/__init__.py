"""Tools for tests of plugins: a clock that is set by hand, examples, contract tests.

Needs pytest and hypothesis.
"""

import pytest

# Without it, a failed assertion of a contract test would not show the values it compared.
pytest.register_assert_rewrite("facilitator.testing.chain", "facilitator.testing.storage")
