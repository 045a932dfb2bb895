"""A page at ``/dashboard`` on which operators look at payments. It changes nothing."""

from collections.abc import Mapping

from facilitator.plugin import Context, hookimpl
from facilitator_dashboard.data import data_routes
from facilitator_dashboard.files import file_routes
from facilitator_dashboard.settings import DashboardSettings


@hookimpl
def settings_sections() -> Mapping[str, type]:
    """Return the table ``dashboard``."""
    return {"dashboard": DashboardSettings}


@hookimpl
def routes(context: Context) -> Mapping[str, object]:
    """Return the page with its files, and the data that it shows."""
    return {**file_routes(), **data_routes(context)}
