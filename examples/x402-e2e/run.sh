#!/usr/bin/env bash
# The tests read the command from this file.
uv run --no-sync python -m facilitator_x402_e2e
