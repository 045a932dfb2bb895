"""The changes, each a Lua script that Redis runs as one step.

A script names every key it touches in ``KEYS``, as Cluster demands. Numbers that Lua's doubles
cannot hold exactly, such as versions, are compared as text.
"""

import hashlib
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Script:
    """A script and the name under which a server keeps it once it has run."""

    text: str
    sha1: str = field(init=False)

    def __post_init__(self) -> None:
        """Compute the name."""
        digest = hashlib.sha1(self.text.encode(), usedforsecurity=False)
        object.__setattr__(self, "sha1", digest.hexdigest())


# --- Claims -------------------------------------------------------------------------------------
#
# KEYS: the claim, the index of open claims by age, that of final ones by their removal time.
# ARGV: the claim's record, its id, the number of its index in KEYS, its place there.

_PUT = """
redis.call('SET', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[2])
redis.call('ZREM', KEYS[3], ARGV[2])
redis.call('ZADD', KEYS[tonumber(ARGV[3])], ARGV[4], ARGV[2])
"""

ADD_CLAIM = Script(f"""
local stored = redis.call('GET', KEYS[1])
if stored == ARGV[1] then redis.call('SET', KEYS[1], stored) end
if stored then return stored end
{_PUT}
return ARGV[1]
""")
"""Returns the record that is there now. An equal record is set again, and so replicated again,
since the caller may wait for replicas."""

CHANGE_CLAIM = Script(f"""
local stored = redis.call('GET', KEYS[1])
if stored == ARGV[1] then
    redis.call('SET', KEYS[1], stored)
    return 1
end
if not stored or string.match(stored, '^%d+') ~= ARGV[5] then return 0 end
if not string.find(stored, ARGV[6], 1, true) then return 0 end
{_PUT}
return 1
""")
"""ARGV[5] is the version that it must have, ARGV[6] the nonce in its form in a record. Returns 1 if
the record is there now; an equal one is set and replicated again."""

REMOVE_CLAIM = Script("""
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[2], ARGV[2])
redis.call('ZREM', KEYS[3], ARGV[2])
return 1
""")
"""Returns 1 if it was removed."""

FORGET_CLAIMS = Script("""
local forgotten = 0
for place = 2, #KEYS do
    local keep_until = redis.call('ZSCORE', KEYS[1], ARGV[place])
    if keep_until and tonumber(keep_until) <= tonumber(ARGV[1]) then
        redis.call('DEL', KEYS[place])
        redis.call('ZREM', KEYS[1], ARGV[place])
        forgotten = forgotten + 1
    end
end
return forgotten
""")
"""KEYS: the index of final claims, claims. ARGV: now, their ids. Returns the number removed."""

# --- Reservations -------------------------------------------------------------------------------
#
# KEYS: the transactions by their end, the payer and inputs of each, the transaction of each input,
# the number of reservations of each payer.

_RELEASE = """
local function release(transaction)
    local record = redis.call('HGET', KEYS[2], transaction)
    if not record then return end
    local parts = cjson.decode(record)
    for place = 2, #parts do redis.call('HDEL', KEYS[3], parts[place]) end
    if redis.call('HINCRBY', KEYS[4], parts[1], -1) <= 0 then
        redis.call('HDEL', KEYS[4], parts[1])
    end
    redis.call('HDEL', KEYS[2], transaction)
    redis.call('ZREM', KEYS[1], transaction)
end
"""

RESERVE = Script(f"""
{_RELEASE}
local transaction, payer = ARGV[1], ARGV[2]
local most = 500
local over = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[4], 'LIMIT', 0, most)
for _, each in ipairs(over) do release(each) end
if #over == most then return 'more' end

for place = 6, #ARGV do
    local holder = redis.call('HGET', KEYS[3], ARGV[place])
    if holder and holder ~= transaction then
        return {{'elsewhere', ARGV[place], holder, redis.call('ZSCORE', KEYS[1], holder)}}
    end
end
local held = tonumber(redis.call('HGET', KEYS[4], payer) or 0)
local own = redis.call('HGET', KEYS[2], transaction)
if own and cjson.decode(own)[1] == payer then held = held - 1 end
if held >= tonumber(ARGV[5]) then return {{'too many', held}} end

release(transaction)
local parts = {{payer}}
for place = 6, #ARGV do
    redis.call('HSET', KEYS[3], ARGV[place], transaction)
    table.insert(parts, ARGV[place])
end
redis.call('HSET', KEYS[2], transaction, cjson.encode(parts))
redis.call('HINCRBY', KEYS[4], payer, 1)
redis.call('ZADD', KEYS[1], ARGV[3], transaction)
return 'held'
""")
"""ARGV: the transaction, its payer, the end of its time, now, the payer's limit, the inputs.

Returns ``held``; the conflict; or ``more``, after the release of so many expired reservations that
another run does the rest, so that other callers do not wait.
"""

RELEASE = Script(f"""
{_RELEASE}
release(ARGV[1])
""")
"""ARGV: the transaction."""

# --- Idempotency keys ---------------------------------------------------------------------------

BIND_KEY = Script("""
local stored = redis.call('GET', KEYS[1])
if stored then
    local expires_at, bound = string.match(stored, '^(%S+) (.*)$')
    if tonumber(expires_at) > tonumber(ARGV[3]) then return bound end
end
redis.call('SET', KEYS[1], ARGV[2] .. ' ' .. ARGV[1], 'PX', ARGV[4])
return ARGV[1]
""")
"""ARGV: fingerprint, end of its time, now, milliseconds between. Returns the bound fingerprint."""

# --- Rate limits --------------------------------------------------------------------------------

HIT = Script("""
local now, length = ARGV[1], ARGV[2]
local allowed, counted = 1, {}
for place, key in ipairs(KEYS) do
    local oldest = redis.call('LINDEX', key, 0)
    while oldest and oldest + length <= tonumber(now) do
        redis.call('LPOP', key)
        oldest = redis.call('LINDEX', key, 0)
    end
    local used = redis.call('LLEN', key)
    if used >= tonumber(ARGV[place + 2]) then allowed = 0 end
    table.insert(counted, used)
    table.insert(counted, oldest or '')
end
if allowed == 1 then
    for _, key in ipairs(KEYS) do
        redis.call('RPUSH', key, now)
        redis.call('PEXPIRE', key, length * 1000)
    end
end
return {allowed, unpack(counted)}
""")
"""KEYS: windows, each a list of the times of its requests. ARGV: now, the windows' length in
seconds, each one's limit. Returns 1 if the request counts, and for each window the number of
requests before and the time of the oldest of them.
"""

# --- The feed of a chain ------------------------------------------------------------------------

_LEADER = """
local lease_until, leader = string.match(redis.call('GET', KEYS[1]) or '', '^(%S+) (.*)$')
"""

LEAD = Script(f"""
{_LEADER}
if leader and leader ~= ARGV[1] and tonumber(lease_until) > tonumber(ARGV[2]) then return 0 end
redis.call('SET', KEYS[1], ARGV[3] .. ' ' .. ARGV[1])
return 1
""")
"""KEYS: the leader. ARGV: the follower, now, the end of the lease. Returns 1 if it leads."""

RESIGN = Script(f"""
{_LEADER}
if leader == ARGV[1] then redis.call('DEL', KEYS[1]) end
""")
"""KEYS: the leader. ARGV: the follower."""

PUBLISH = Script(f"""
{_LEADER}
if leader ~= ARGV[1] then return 0 end
local newest = redis.call('ZRANGE', KEYS[2], -1, -1, 'WITHSCORES')
local entry = ARGV[2] .. ' ' .. ARGV[3]
if newest[1] == entry then return 1 end
if tonumber(ARGV[2]) ~= tonumber(newest[2] or 0) + 1 then return 0 end
redis.call('ZADD', KEYS[2], ARGV[2], entry)
redis.call('ZREMRANGEBYRANK', KEYS[2], 0, -1 - tonumber(ARGV[4]))
for place = 3, #KEYS do redis.call('DEL', KEYS[place]) end
return 1
""")
"""KEYS: the leader, the feed, outputs that are spent. ARGV: the follower, number, content, entries
to keep. Returns 1 if the entry is the newest one now."""

SHARE_OUTPUTS = Script("""
for place = 1, #KEYS do redis.call('SET', KEYS[place], ARGV[place + 1], 'PXAT', ARGV[1]) end
""")
"""KEYS: outputs. ARGV: the end of their time in Unix milliseconds, their contents."""

PING = Script("return redis.call('SET', KEYS[1], '', 'PX', 60000)")
"""KEYS: a record without readers."""
