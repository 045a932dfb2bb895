"""The command line of the shops: whom they pay, and how to buy from them."""

import argparse

from cardano import TUSDM


def read_arguments() -> tuple[str, int, str]:
    """Return the address that is paid, the port, and the facilitator's URL."""
    parser = argparse.ArgumentParser(
        description="Sell a page for 10 cents in tUSDM, or for 2 ada, as the buyer chooses."
    )
    parser.add_argument("address", metavar="ADDRESS", help="Cardano address that is paid")
    parser.add_argument(
        "port", metavar="PORT", nargs="?", type=int, default=4000, help="default: %(default)s"
    )
    parser.add_argument(
        "facilitator", metavar="FACILITATOR", nargs="?", default="http://127.0.0.1:3000",
        help="URL that the command 'facilitator serve' answers at (default: %(default)s)",
    )  # fmt: skip
    given = parser.parse_args()
    return given.address, given.port, given.facilitator


def say_how_to_buy(port: int) -> None:
    """Print the page's URL, and a command for either choice."""
    url = f"http://127.0.0.1:{port}/forecast"
    print(f"selling {url}")
    print(f"pay in ada:   facilitator pay {url}")
    print(f"pay in tUSDM: facilitator pay {url} --asset {TUSDM}", flush=True)
