"""The keys: all in one slot of a Cluster, so that a script may touch any of them together."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Names:
    """The names of the records under a prefix.

    A Cluster puts keys with the same text in braces on the same server.
    """

    prefix: str

    def claim(self, transaction_id: str) -> str:
        """Return the name of the claim on a transaction."""
        return self._name("claim", transaction_id)

    def key(self, key: str) -> str:
        """Return the name of an idempotency key's binding."""
        return self._name("key", key)

    def api_key(self, digest: str) -> tuple[str, str, str]:
        """Return the names of an API key's record, revocation and last use, by its digest."""
        return (
            self._name("api-key", digest),
            self._name("api-key-revoked", digest),
            self._name("api-key-used", digest),
        )

    def digest_of(self, name: str) -> str:
        """Return the name of the digest of the API key of that name."""
        return self._name("api-key-name", name)

    def leader(self, network: str) -> str:
        """Return the name of the record of the follower that leads a network."""
        return self._name("leader", network)

    def feed(self, network: str) -> str:
        """Return the name of the feed of a network's chain."""
        return self._name("feed", network)

    def output(self, network: str, ref: str) -> str:
        """Return the name of an output of a network's chain."""
        return self._name("output", network, ref)

    def window(self, limit: str, client: str) -> str:
        """Return the name of the times of a client's requests under a limit."""
        return self._name("rate", limit, client)

    @property
    def open_claims(self) -> str:
        """The name of the index of claims that are not final, by age."""
        return self._name("claims", "open")

    @property
    def final_claims(self) -> str:
        """The name of the index of final claims, by the time at which they may be removed."""
        return self._name("claims", "final")

    @property
    def outbox(self) -> str:
        """The name of the stream of changed claims that a payment ledger has yet to get."""
        return self._name("claims", "outbox")

    @property
    def holds(self) -> tuple[str, str, str, str]:
        """The four names for the scripts for reservations, in their order."""
        return self._four("holds", "ends", "records", "inputs", "verified")

    @property
    def former_reservations(self) -> tuple[str, str, str, str]:
        """The names of reservations in their former form, which had no recipient."""
        return self._four("reservations", "times", "records", "inputs", "payers")

    @property
    def api_keys(self) -> str:
        """The name of the index of the digests of all API keys, by age."""
        return self._name("api-keys", "all")

    @property
    def ping(self) -> str:
        """The name of the record that tests writing."""
        return self._name("ping")

    def _four(
        self, kind: str, one: str, two: str, three: str, four: str
    ) -> tuple[str, str, str, str]:
        return (
            self._name(kind, one),
            self._name(kind, two),
            self._name(kind, three),
            self._name(kind, four),
        )

    def _name(self, *parts: str) -> str:
        return ":".join((f"{{{self.prefix}}}", *parts))
