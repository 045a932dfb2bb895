"""The devnet's Ogmios answers by the public schema, so that the two cannot drift apart.

``FACILITATOR_OGMIOS_SCHEMAS`` names a folder with ``ogmios.json`` and ``cardano.json`` of a version
of Ogmios, from ``docs/static/api`` of its repository. They are not in this one.
"""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from referencing import Registry, Resource

from facilitator_ogmios.connection import Connection, Target
from support.ogmios import MAX_MESSAGE_BYTES, OgmiosUnderTest

FOLDER = os.environ.get("FACILITATOR_OGMIOS_SCHEMAS", "")

pytestmark = pytest.mark.skipif(not FOLDER, reason="FACILITATOR_OGMIOS_SCHEMAS is not set")

Ask = Callable[..., Any]


@pytest.fixture
def ask(chain: OgmiosUnderTest) -> Iterator[Ask]:
    """Ask, and hold the answer to the schema."""
    schemas = {
        name: json.loads((Path(FOLDER) / name).read_text())
        for name in ("ogmios.json", "cardano.json")
    }
    # No value has this form: "ada", which it requires, is no policy.
    del schemas["cardano.json"]["definitions"]["Value"]["propertyNames"]
    registry: Registry[Any] = Registry().with_resources(
        (name, Resource.opaque(schema)) for name, schema in schemas.items()
    )
    if "maxReferenceScriptsSizePerTransaction" in json.dumps(schemas["cardano.json"]):
        chain.api.version = "v7.0.0"
    connection = Connection(Target(chain.api.url, {}, MAX_MESSAGE_BYTES))

    def ask(method: str, **params: object) -> Any:
        answer = connection.ask(method, params, 60)
        words = method.replace("/", " ").split()
        name = "".join(word[0].upper() + word[1:] for word in words)
        schema = {"$ref": f"ogmios.json#/properties/{name}Response"}
        errors = jsonschema.Draft7Validator(schema, registry=registry).iter_errors(answer)
        wrong = jsonschema.exceptions.best_match(errors)
        assert wrong is None, (method, wrong.json_path, wrong.message[:500])
        return answer.get("result", answer.get("error"))

    yield ask
    connection.close()


def test_answers_have_the_form_of_the_schema(chain: OgmiosUnderTest, ask: Ask) -> None:
    ref = chain.fund()
    chain.provider.submit(raw := chain.spend(ref))
    chain.make_block()
    shown = {"transaction": {"id": ref.transaction_id.hex()}, "index": ref.index}
    ask("findIntersection", points=["origin"])
    assert [ask("nextBlock")["direction"] for _ in range(3)] == ["backward", "forward", "forward"]
    assert ask("findIntersection", points=[{"slot": 1, "id": "ab" * 32}])["code"] == 1000
    assert ask("queryLedgerState/utxo", outputReferences=[shown]) == []
    assert ask("submitTransaction", transaction={"cbor": raw.hex()})["code"] == 3997
    assert ask("evaluateTransaction", transaction={"cbor": raw.hex()}) == []
    assert ask("queryNetwork/tip") == ask("queryLedgerState/tip")
    assert ask("queryNetwork/blockHeight") == 1
    for method in ("queryNetwork/startTime", "queryLedgerState/epoch"):
        assert ask(method)
    assert ask("queryLedgerState/eraSummaries")[0]["start"]["slot"] == 0
    assert ask("queryLedgerState/protocolParameters")["minFeeCoefficient"] == 44
    assert ask("queryNetwork/genesisConfiguration", era="shelley")["networkMagic"] == 1
    assert ask("acquireLedgerState", point=ask("queryNetwork/tip"))
    assert ask("queryLedgerState/rewardAccountSummaries", keys=["ab" * 28]) == []
    assert ask("queryLedgerState/stakePools", stakePools=[]) == {}
    assert len(ask("queryLedgerState/delegateRepresentatives", keys=["ab" * 28])) == 2
    assert ask("releaseLedgerState")
    assert ask("hasTransaction", id="ab" * 32)["code"] == 4000
    assert ask("acquireMempool")
    assert ask("hasTransaction", id="ab" * 32) is False
    assert ask("sizeOfMempool")
    assert ask("releaseMempool")
