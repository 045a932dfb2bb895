"""What callers and operators read of a storage that does not work."""

import traceback

from facilitator.plugin import StorageUnavailable

DETAIL = "Redis at 127.0.0.1:6379 cannot be reached; start it"


def test_the_detail_is_for_the_operator_alone() -> None:
    error = StorageUnavailable("the storage cannot be reached", DETAIL)
    assert str(error) == "the storage cannot be reached"
    assert error.detail == DETAIL


def test_a_traceback_in_the_log_has_the_detail() -> None:
    error = StorageUnavailable("the storage cannot be reached", DETAIL)
    assert DETAIL in "".join(traceback.format_exception(error))


def test_one_sentence_serves_both_where_there_is_no_detail() -> None:
    error = StorageUnavailable("the storage cannot be reached")
    assert error.detail == str(error)
    assert not hasattr(error, "__notes__")
    assert str(StorageUnavailable()) == "the storage does not work"
