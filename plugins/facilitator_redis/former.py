"""Records that a former version has left in Redis in another form."""

from facilitator_redis.names import Names
from facilitator_redis.script import Script
from facilitator_redis.server import Server

_DAY_MS = 24 * 3600 * 1000

EXPIRE = Script("""
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, ARGV[1], 'NX') end
""")
"""KEYS: records to forget. ARGV: in how many milliseconds, unless that is settled."""


def let_former_reservations_expire(server: Server, names: Names) -> None:
    """Have the former version's reservations forgotten in a day.

    They last for minutes, and have other names than those of this version, so that processes of
    both can serve side by side during an upgrade.
    """
    server.run(EXPIRE, names.former_reservations, [_DAY_MS])
