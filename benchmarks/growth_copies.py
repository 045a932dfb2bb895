"""Copies of settled claims, which each engine makes by itself: a million in minutes.

They are as large as what they are copied from, and their ids and keys are random, as hashes are.
"""

from collections.abc import Callable, Sequence

AT_ONCE = 5_000

_PAYMENT = """
    network, scheme, method, payer, pay_to, asset, amount, fee, resource, caller, client,
    identifier, terms, request_id, state, confirmations, created_at, updated_at, settled_at, block,
    block_slot, block_height, depth, error, delivery, delivered_at, delivered_to, is_erased
"""
_EVENT = """
    version, nonce, at, state, accepted, block, block_slot, block_height, depth, error, delivery,
    delivered_to, delivery_request
"""
IN_REDIS = """
local index, settled = '{x402}:claims:final', {}
for _, id in ipairs(redis.call('ZRANGE', index, 0, 99)) do
    table.insert(settled, redis.call('GET', '{x402}:claim:' .. id))
end
local function random_id()
    local words = {}
    for place = 1, 8 do words[place] = string.format('%08x', math.random(0, 2^31 - 1)) end
    return table.concat(words)
end
math.randomseed(tonumber(redis.call('TIME')[2]))
local until_then = redis.call('ZSCORE', index, redis.call('ZRANGE', index, 0, 0)[1])
for place = 1, tonumber(ARGV[1]) do
    local id = random_id()
    redis.call('SET', '{x402}:claim:' .. id, settled[place % #settled + 1])
    redis.call('ZADD', index, until_then, id)
    local clock, bound = string.sub(random_id(), 1, 8), random_id() .. ' ' .. id
    local binding = until_then .. ' @' .. clock .. ' ' .. bound
    redis.call('SET', '{x402}:key:' .. random_id(), binding, 'PX', 86400000)
end
return #settled
"""


def in_steps(count: int, copy: Callable[[int], object]) -> None:
    """Make so many copies, some at once."""
    for begin in range(0, count, AT_ONCE):
        copy(min(AT_ONCE, count - begin))


def in_sqlite(count: int) -> Sequence[str]:
    """Return the statements."""
    return (
        f"""
        INSERT INTO claims SELECT randomblob(32), version, nonce, NULL, keep_until, record
        FROM claims WHERE keep_until IS NOT NULL LIMIT {count}
        """,
        f"""
        INSERT INTO bound_keys SELECT randomblob(16), value, expires_at FROM bound_keys
        ORDER BY key LIMIT {count}
        """,
        f"""
        INSERT INTO payments (transaction_id, {_PAYMENT})
        SELECT lower(hex(randomblob(32))), {_PAYMENT} FROM payments
        WHERE state = 'settled' ORDER BY number LIMIT {count}
        """,
        f"""
        INSERT INTO payment_events (payment, {_EVENT})
        SELECT (SELECT max(number) FROM payments) - 1 - payment % {count}, {_EVENT}
        FROM payment_events WHERE state IN ('submitted', 'settled') ORDER BY number
        LIMIT {2 * count} ON CONFLICT DO NOTHING
        """,
    )


def in_postgres(count: int) -> Sequence[str]:
    """Return the statements."""
    return (
        f"""
        INSERT INTO x402.claims
        SELECT md5(random()::text) || md5(random()::text), version, nonce, NULL, keep_until, record
        FROM x402.claims WHERE keep_until IS NOT NULL LIMIT {count}
        """,
        f"""
        INSERT INTO x402.keys
        SELECT decode(md5(random()::text), 'hex'), value, clock, ends_at, until
        FROM x402.keys LIMIT {count}
        """,
        f"""
        INSERT INTO x402.payments (transaction_id, {_PAYMENT})
        SELECT md5(random()::text) || md5(random()::text), {_PAYMENT}
        FROM x402.payments WHERE state = 'settled' ORDER BY number LIMIT {count}
        """,
        f"""
        INSERT INTO x402.payment_events (payment, {_EVENT})
        SELECT (SELECT max(number) FROM x402.payments) - 1 - payment % {count}, {_EVENT}
        FROM x402.payment_events WHERE state IN ('submitted', 'settled') ORDER BY number
        LIMIT {2 * count} ON CONFLICT DO NOTHING
        """,
    )
