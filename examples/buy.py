"""Buys a page with a wallet of the devnet: all that a paying client of x402 does.

    python buy.py http://127.0.0.1:4000/forecast

Each of the wallet's outputs can be spent once: ``--input 1`` for the second purchase, and so on.
"""

import argparse
import base64
import json
import sys
from email.message import Message
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from facilitator_devnet.samples import genesis_output, payload, sign_payment

TIMEOUT_SECONDS = 120
VALID_SECONDS = 200


def get(url: str, headers: dict[str, str]) -> tuple[int, Message, str]:
    """Ask for the page: status, headers, body."""
    try:
        answer = urlopen(Request(url, headers=headers), timeout=TIMEOUT_SECONDS)  # noqa: S310
    except HTTPError as error:
        answer = error
    with answer:
        return answer.status, answer.headers, answer.read().decode()


def main() -> int:
    """Ask, read the price, sign, ask again; 0 when the page was sold."""
    parser = argparse.ArgumentParser(description="Buy a page with a wallet of the devnet.")
    parser.add_argument("url")
    parser.add_argument("--wallet", default="alice", help="(default: %(default)s)")
    parser.add_argument("--input", type=int, default=0, help="(default: %(default)s)")
    arguments = parser.parse_args()

    status, headers, body = get(arguments.url, {})
    if status != 402:
        print(f"{status} {body}")
        return 1
    offer = json.loads(base64.b64decode(headers["PAYMENT-REQUIRED"]))
    terms = offer["accepts"][0]
    print(f"402: {terms['amount']} {terms['asset']} to {terms['payTo']}")

    # A client's own wallet would choose the outputs to spend, and sign.
    ref = genesis_output(terms["network"], arguments.wallet, arguments.input, None)
    transaction = sign_payment(terms, arguments.wallet, ref, VALID_SECONDS)
    signed = json.dumps(payload(terms, transaction, ref)).encode()

    status, headers, body = get(
        arguments.url, {"PAYMENT-SIGNATURE": base64.b64encode(signed).decode()}
    )
    print(f"{status}: {body.strip()}")
    if receipt := headers["PAYMENT-RESPONSE"]:
        print(base64.b64decode(receipt).decode())
    return 0 if status == 200 else 1


if __name__ == "__main__":
    sys.exit(main())
