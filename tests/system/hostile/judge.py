"""What must hold of every answer, whatever it answers."""

import json
import re
from collections import Counter
from collections.abc import Iterable

from hostile.client import Answer

STATUSES = frozenset({200, 400, 401, 404, 405, 409, 413, 415, 429, 431})
HEADERS = {
    b"cache-control": b"no-store",
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
}
LEAKS = re.compile(
    rb"traceback|\.py\b|site-packages|waitress|falcon|python|gunicorn|/usr/|/root/|/home/|/tmp/",
    re.IGNORECASE,
)
"""What tells of the inside: none of it is in a sentence for a caller."""


class Judge:
    """Looks at answers and counts them."""

    def __init__(self, secrets: Iterable[str], reasons: Iterable[str]) -> None:
        """Nothing may show one of the secrets; refusals name one of the reasons."""
        self._secrets = [secret.encode() for secret in secrets]
        self._reasons = frozenset(reasons)
        self.statuses: Counter[int] = Counter()
        self.reasons: Counter[str] = Counter()

    def faults(self, answer: Answer, *, is_head: bool = False) -> list[str]:
        """What is wrong with an answer."""
        self.statuses[answer.status] += 1
        faults = [f"{name!r} is not {value!r}" for name, value in HEADERS.items()
                  if answer.headers.get(name) != value]  # fmt: skip
        if answer.status not in STATUSES:
            faults.append(f"status {answer.status}")
        if b"server" in answer.headers or b"x-request-id" not in answer.headers:
            faults.append("a banner, or no request id")
        shown = b"\n".join([*answer.headers.values(), answer.body])
        if any(secret in shown for secret in self._secrets):
            faults.append("a secret is shown")
        if leak := LEAKS.search(answer.body):
            faults.append(f"the inside is shown: {leak[0]!r}")
        if not is_head and (answer.body or answer.status >= 400):
            faults += self._document_faults(answer)
        return faults

    def _document_faults(self, answer: Answer) -> list[str]:
        if answer.headers.get(b"content-type") != b"application/json":
            return ["no JSON by its type"]
        try:
            document = json.loads(answer.body)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            return ["no JSON object"]
        reasons = [document.get(name) for name in ("error", "invalidReason", "errorReason")]
        named = [reason for reason in reasons if reason is not None]
        self.reasons.update(named)
        if any(reason not in self._reasons for reason in named):
            return [f"no reason of ours: {named}"]
        if answer.status >= 400 and len(named) != 1:
            return ["a refusal without a reason"]
        return []
