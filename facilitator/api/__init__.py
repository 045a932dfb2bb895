"""The HTTP interface: one Falcon resource per endpoint, and what surrounds them."""

from facilitator.api.app import application
from facilitator.api.service import IdempotencyConflict, PaymentService, ServiceUnavailable

__all__ = ["IdempotencyConflict", "PaymentService", "ServiceUnavailable", "application"]
