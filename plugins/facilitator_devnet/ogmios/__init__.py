"""An Ogmios-compatible WebSocket over a devnet, as far as a chain provider and wallets use it."""
