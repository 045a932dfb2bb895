"""The contract's blueprint (CIP-57), from which the script of a deployment is derived.

Masumi publishes it. The operator keeps a copy in a file. Only the canonical one is accepted, which
is known by the digest of its canonical JSON.
"""

from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

from facilitator.cardano.codec.scripts import make_script
from facilitator.cardano.phase2.data import encode_data
from facilitator.cardano.plutus.application import apply_parameters, normalise_script
from facilitator.cardano.transaction import Language
from facilitator_masumi.canonical import canonical_json
from facilitator_masumi.deployment import Deployment

DIGEST = "6249de17bb87c5246106af6b0f33de22b44ca24b9c1445fa36d10eb8b583dec7"
"""SHA-256 over the canonical JSON of the canonical blueprint."""
VALIDATOR = "vested_pay.vested_pay.spend"
"""The title of the escrow's validator."""


class Blueprint:
    """The contract without its parameters."""

    def __init__(self, path: str) -> None:
        """Read the file. Raises :class:`ValueError` with what is wrong with it."""
        try:
            blueprint: Any = orjson.loads(Path(path).read_bytes())
        except OSError as error:
            raise ValueError(f"cannot be read: {error.strerror}") from None
        except orjson.JSONDecodeError:
            raise ValueError("is not JSON") from None
        found = sha256(canonical_json(blueprint)).hexdigest()
        if found != DIGEST:
            raise ValueError(
                f"is not the canonical blueprint of vested_pay: its digest is {found}, not {DIGEST}"
            )
        by_title = {each["title"]: each for each in blueprint["validators"]}
        self._script = normalise_script(bytes.fromhex(by_title[VALIDATOR]["compiledCode"]))

    def script_hash(self, deployment: Deployment) -> str:
        """Return the hash of the script with the parameters applied, in lowercase hex."""
        keys = tuple(bytes.fromhex(key) for key in deployment.admin_vkeys)
        parameters = (deployment.required_admins, keys, deployment.cooldown_ms)
        applied = apply_parameters(self._script, [encode_data(each) for each in parameters])
        return make_script(Language.PLUTUS_V3, applied).hash.hex()
