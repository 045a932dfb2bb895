#!/usr/bin/env bash
set -euo pipefail
cd "$(dirname "$0")"
uv venv --quiet --allow-existing
uv pip install --quiet --python .venv "${X402_CARDANO_FACILITATOR:-x402-cardano-facilitator}" .
