"""Contract tests of idempotency keys."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facilitator.roles.storage import Storage


class KeyContract:
    """The promises about idempotency keys: each is bound to one request for a time."""

    def test_the_first_request_under_a_key_is_bound_to_it(self, storage: Storage) -> None:
        """Later ones get the first one's fingerprint, and so does the first when repeated."""
        for fingerprint in ("first", "second", "first"):
            assert storage.bind_key("key", fingerprint, expires_at=100.0, now=0.0) == "first"

    def test_keys_are_apart(self, storage: Storage) -> None:
        """The binding of one key says nothing about another."""
        storage.bind_key("one", "first", expires_at=100.0, now=0.0)
        assert storage.bind_key("other", "second", expires_at=100.0, now=0.0) == "second"

    def test_a_binding_ends_when_its_time_is_over(self, storage: Storage) -> None:
        """After that the key is free for another request, which has it for its own time."""
        storage.bind_key("key", "first", expires_at=100.0, now=0.0)
        assert storage.bind_key("key", "second", expires_at=300.0, now=99.5) == "first"
        assert storage.bind_key("key", "second", expires_at=300.0, now=100.0) == "second"
        assert storage.bind_key("key", "third", expires_at=300.0, now=299.5) == "second"

    def test_a_look_up_binds_nothing(self, storage: Storage) -> None:
        """It returns the binding while its time lasts."""
        assert storage.bound_to("key", now=50.0) is None
        storage.bind_key("key", "first", expires_at=100.0, now=50.0)
        assert storage.bound_to("key", now=99.5) == "first"
        assert storage.bound_to("other", now=99.5) is None
        assert storage.bound_to("key", now=100.0) is None

    def test_any_text_can_be_a_key(self, storage: Storage) -> None:
        """Keys come from callers; two that differ in any way are two keys."""
        bound: dict[str, str] = {}

        @settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
        @given(st.text(), st.text())
        def bind(key: str, fingerprint: str) -> None:
            returned = storage.bind_key(key, fingerprint, expires_at=100.0, now=0.0)
            assert returned == bound.setdefault(key, fingerprint)

        bind()

    # --- Changing a binding -------------------------------------------------------------------

    def test_a_binding_is_changed_by_the_caller_that_knows_it(self, storage: Storage) -> None:
        """Only from the value it has; a repeated call succeeds as well."""
        storage.bind_key("key", "first", expires_at=100.0, now=0.0)
        assert not storage.change_key("key", "second", "third", 300.0)
        assert storage.change_key("key", "first", "second", 300.0)
        assert storage.change_key("key", "first", "second", 300.0)
        assert storage.bound_to("key", now=299.5) == "second"
        assert storage.bind_key("key", "fourth", expires_at=400.0, now=300.0) == "fourth"

    def test_a_binding_is_removed_by_the_caller_that_knows_it(self, storage: Storage) -> None:
        """The key is free then; removing it again does no harm to a later binding."""
        storage.bind_key("key", "first", expires_at=100.0, now=0.0)
        assert not storage.change_key("key", "second", None, 0.0)
        assert storage.change_key("key", "first", None, 0.0)
        assert storage.change_key("key", "first", None, 0.0)
        assert storage.bind_key("key", "second", expires_at=100.0, now=0.0) == "second"
        assert not storage.change_key("key", "first", None, 0.0)
        assert storage.bound_to("key", now=0.0) == "second"

    def test_a_key_that_is_not_bound_is_not_changed(self, storage: Storage) -> None:
        """A change binds no key by itself."""
        assert not storage.change_key("key", "first", "second", 100.0)
        assert storage.bind_key("key", "third", expires_at=100.0, now=0.0) == "third"
