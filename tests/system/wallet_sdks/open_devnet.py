"""The devnet as the SDKs find it: its Blockfrost-compatible API, and its faucet."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from facilitator.testing.http import call


class OpenDevnet:
    """A devnet by the URL of its API."""

    def __init__(self, url: str) -> None:
        self.url = url

    def get(self, path: str) -> Any:
        return self._call("GET", path)

    def fund(self, address: str, lovelace: int, assets: Mapping[str, int]) -> str:
        """Which output the faucet gave."""
        funds = {"address": address, "lovelace": lovelace, "assets": assets}
        given = self._call("POST", "/devnet/faucet", funds)
        return f"{given['tx_hash']}#{given['output_index']}"

    def _call(self, method: str, path: str, body: object = None) -> Any:
        port = urlsplit(self.url).port
        assert port is not None
        status, answer = call(port, method, path, body)
        assert status == 200, answer
        return answer
