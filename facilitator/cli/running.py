"""A running facilitator, as a command asks it over HTTP."""

from typing import Any

import orjson

from facilitator.client.timed_http import HttpBounds, TimedHttp
from facilitator.errors import FacilitatorError
from facilitator.roles.payer import HttpAnswer

_BOUNDS = HttpBounds(60, 1 << 24)
_UNAUTHORIZED = 401
_NOT_FOUND = 404
_JSON = {"Content-Type": "application/json"}


class NoAnswer(FacilitatorError):
    """The facilitator cannot be asked, or does not answer as one."""


class RunningFacilitator:
    """The facilitator at a URL."""

    def __init__(self, url: str, key: str | None = None) -> None:
        """Ask the facilitator whose paths begin with the URL, with an API key if it wants one."""
        self.url = url.rstrip("/")
        self._headers = {} if key is None else {"Authorization": f"Bearer {key}"}

    def verify(self, body: bytes) -> dict[str, Any]:
        """Return the answer to a request of ``/verify``. Raises :class:`NoAnswer`."""
        verdict = self._object("/verify", self._ask("/verify", body))
        if not isinstance(verdict.get("isValid"), bool):
            raise NoAnswer(f"{self.url}/verify answered without a verdict: {_reason(verdict)}")
        return {"payer": None, "invalidReason": None, "invalidMessage": None, **verdict}

    def inspect(self, body: bytes) -> dict[str, Any] | None:
        """Return the report on the same request; ``None`` where ``/inspect`` is not enabled.

        Raises :class:`NoAnswer`.
        """
        answer = self._ask("/inspect", body)
        if answer.status == _NOT_FOUND:
            return None
        report = self._object("/inspect", answer)
        if "checks" not in report:
            raise NoAnswer(f"{self.url}/inspect answered without a report: {_reason(report)}")
        return report

    def status(self, transaction_id: str) -> dict[str, Any]:
        """Return the state of the transaction. Raises :class:`NoAnswer`."""
        path = f"/status/{transaction_id}"
        state = self._object(path, self._ask(path, None))
        if "status" not in state:
            raise NoAnswer(f"{self.url}{path} answered without a state: {_reason(state)}")
        return state

    def _ask(self, path: str, body: bytes | None) -> HttpAnswer:
        url = self.url + path
        headers = {**self._headers, **(_JSON if body else {})}
        try:
            answer = TimedHttp().ask(url, _BOUNDS, body=body, headers=headers)
        except (OSError, ValueError) as error:
            raise NoAnswer(f"{url} cannot be asked: {error}") from None
        if answer.status == _UNAUTHORIZED:
            why = "does not take this API key" if self._headers else "wants an API key"
            raise NoAnswer(f"{url} {why}: name the file with one by --key-file")
        return answer

    def _object(self, path: str, answer: HttpAnswer) -> dict[str, Any]:
        try:
            value = orjson.loads(answer.body)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise NoAnswer(f"{self.url}{path} answered {answer.status}, and no JSON object")
        return value


def _reason(answer: dict[str, Any]) -> str:
    return repr(answer.get("message") or answer.get("error") or answer)[:200]
