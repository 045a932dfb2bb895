"""The HTTP interface: one Falcon resource per endpoint, and the middleware around them."""

from facilitator.api.app import application
from facilitator.api.service import IdempotencyConflict, PaymentService, ServiceUnavailable

__all__ = ["IdempotencyConflict", "PaymentService", "ServiceUnavailable", "application"]
