"""The keys: all in one slot of a Cluster, so that a script may touch any of them together."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Names:
    """What the records are called under a prefix.

    A Cluster puts keys with the same text in braces on the same server.
    """

    prefix: str

    def claim(self, transaction_id: str) -> str:
        """Return the claim on a transaction."""
        return self._name("claim", transaction_id)

    def key(self, key: str) -> str:
        """What an idempotency key is bound to."""
        return self._name("key", key)

    def leader(self, network: str) -> str:
        """Who follows a network's chain."""
        return self._name("leader", network)

    def feed(self, network: str) -> str:
        """What is learnt of a network's chain."""
        return self._name("feed", network)

    def output(self, network: str, ref: str) -> str:
        """Return an output of a network's chain."""
        return self._name("output", network, ref)

    def window(self, limit: str, client: str) -> str:
        """When a client's requests were that count towards a limit."""
        return self._name("rate", limit, client)

    @property
    def open_claims(self) -> str:
        """The claims that are not final, by age."""
        return self._name("claims", "open")

    @property
    def final_claims(self) -> str:
        """The claims that are final, by when they may be forgotten."""
        return self._name("claims", "final")

    @property
    def reservations(self) -> tuple[str, str, str, str]:
        """The four of the scripts for reservations, in their order."""
        times, records = self._name("reservations", "times"), self._name("reservations", "records")
        return (
            times,
            records,
            self._name("reservations", "inputs"),
            self._name("reservations", "payers"),
        )

    @property
    def ping(self) -> str:
        """What is written to see whether writing works."""
        return self._name("ping")

    def _name(self, *parts: str) -> str:
        return ":".join((f"{{{self.prefix}}}", *parts))
