"""The paths under which the API is served."""

HOSTED = ("/api/v0", "/v0")
"""The roots of Blockfrost's hosted API. The bare URL works like a self-hosted server, without
project ids: wallets' SDKs send none to a URL that they are given."""
CONTROL = "/devnet/"
"""The prefix of the routes by which tests control the devnet."""
