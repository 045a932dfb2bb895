"""Errors in Blockfrost's words."""

from typing import Any

NAMES = {
    400: "Bad Request",
    401: "Unauthorized",
    402: "Project Over Limit",
    403: "Forbidden",
    404: "Not Found",
    413: "Payload Too Large",
    415: "Unsupported Media Type",
    418: "Requested Banned",
    425: "Mempool Full",
    429: "Project Over Limit",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}
MESSAGES = {
    400: "Backend did not understand your request.",
    402: "Usage is over limit.",
    403: "Invalid project token.",
    404: "The requested component has not been found.",
    418: "IP has been auto-banned for flooding.",
    425: "Mempool is full, please try resubmitting again later.",
    429: "Usage is over limit.",
    500: "An unexpected response was received from the backend.",
}


class ApiError(Exception):
    """An error that is answered instead of a result."""

    def __init__(self, status: int, message: str | None = None) -> None:
        """Take the HTTP status and a message, by default the status' usual one."""
        super().__init__(message or MESSAGES.get(status, NAMES[status]))
        self.status = status

    @property
    def body(self) -> dict[str, Any]:
        """The JSON of the answer."""
        return {"status_code": self.status, "error": NAMES[self.status], "message": str(self)}


def not_found() -> ApiError:
    """Return the error for something that is not on the chain."""
    return ApiError(404)


def invalid(message: str) -> ApiError:
    """Return the error for a malformed parameter."""
    return ApiError(400, message)
