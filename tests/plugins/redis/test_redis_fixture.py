"""The Redis that tests of plugins get."""

from facilitator.testing.pytest_plugin import MakePayer, RunFacilitator
from support.redis_servers import RedisServer, needs_redis

pytestmark = needs_redis


def test_a_payment_is_settled_with_records_there(
    run_facilitator: RunFacilitator, make_payer: MakePayer, empty_redis: RedisServer
) -> None:
    assert empty_redis.command("DBSIZE") == ":0"
    running = run_facilitator(plugins="devnet,redis", redis__url=empty_redis.url)
    assert make_payer(running).pay()["success"]
    assert empty_redis.command("DBSIZE") != ":0"
