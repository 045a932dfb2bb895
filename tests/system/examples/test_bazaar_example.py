"""The example plugin ``bazaar``, installed as a third party's and run by a real facilitator."""

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from x402.extensions.bazaar import ListDiscoveryResourcesParams, with_bazaar
from x402.http import FacilitatorConfig, HTTPFacilitatorClientSync

from facilitator.testing.payments import MERCHANT
from facilitator.testing.waiting import eventually
from support.example_plugins import Installed, payment, post

SETTINGS = """\
[default]
plugins = ["devnet", "memory", "bazaar"]
[default.devnet]
block_seconds = 0.2
"""
PAID, FAILED = "https://shop.example/paid", "https://shop.example/failed"


@pytest.fixture(scope="module")
def bazaar(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return Installed("bazaar", tmp_path_factory.mktemp("bazaar"))


def test_it_passes_its_own_tests(bazaar: Installed) -> None:
    bazaar.run_tests()


def offered(number: int, url: str) -> dict[str, Any]:
    info = {"input": {"type": "http", "method": "GET"}}
    return payment(
        "alice",
        number,
        resource={"url": url, "description": "A forecast", "mimeType": "text/html"},
        extensions={"bazaar": {"info": info, "schema": {"type": "object"}}},
    )


def test_a_settled_payment_lists_its_resource_and_a_failed_one_does_not(
    bazaar: Installed, tmp_path: Path
) -> None:
    with closing(bazaar.serve(tmp_path, SETTINGS)) as process:
        failed = offered(0, FAILED)
        failed["paymentRequirements"] = {**failed["paymentRequirements"], "amount": "3000000"}
        failed["paymentPayload"]["accepted"] = failed["paymentRequirements"]
        refused = post(process, "/settle", failed)
        assert (refused["success"], "extensions" in refused) == (False, False)

        settled = post(process, "/settle", offered(1, PAID))
        assert settled["success"] is True
        assert settled["extensions"] == {"bazaar": {"status": "processing"}}

        config = FacilitatorConfig(url=f"http://127.0.0.1:{process.port}")
        with HTTPFacilitatorClientSync(config) as client:
            # It uses the client for calls that wait, though its type names the other one.
            discovery = with_bazaar(client).extensions.bazaar  # type: ignore[arg-type]
            which = ListDiscoveryResourcesParams(type="http", limit=10, offset=0)
            eventually(lambda: discovery.list_resources(which).items)
            found = discovery.list_resources(which)
        assert [item.resource for item in found.items] == [PAID]
        assert (found.pagination.limit, found.pagination.total) == (10, 1)
        accepts = found.items[0].accepts
        assert accepts is not None
        assert len(accepts) == 1
        terms = accepts[0]
        assert (terms["payTo"], terms["amount"]) == (MERCHANT.bech32, "2000000")
