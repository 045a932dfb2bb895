"""The changes, each a Lua script that Redis runs as one step.

A script names every key it touches in ``KEYS``, as Cluster demands. Numbers that Lua's doubles
cannot hold exactly, such as versions, are compared as text.
"""

from facilitator_redis.script import Script

# --- Claims -------------------------------------------------------------------------------------
#
# KEYS: the claim, the index of open claims by age, that of final ones by their removal time, and
# the outbox if it keeps this change for a payment ledger.
# ARGV: the claim's record, its id, the number of its index in KEYS, its place there.

_PUT = """
redis.call('SET', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[2])
redis.call('ZREM', KEYS[3], ARGV[2])
redis.call('ZADD', KEYS[tonumber(ARGV[3])], ARGV[4], ARGV[2])
if KEYS[4] then redis.call('XADD', KEYS[4], '*', 'id', ARGV[2], 'claim', ARGV[1]) end
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

LASTING_CHANGES = Script("""
redis.call('SET', KEYS[2], '', 'PX', 60000)
return redis.call('XRANGE', KEYS[1], ARGV[1], '+', 'COUNT', ARGV[2])
""")
"""KEYS: the outbox, a record without readers. ARGV: where to begin, the number of changes. Returns
the oldest ones from there. The write comes after them: a replica that has it has them, too."""

FORGET_CHANGES = Script("redis.call('XDEL', KEYS[1], unpack(ARGV))")
"""KEYS: the outbox. ARGV: names of its entries."""

# --- The feed of a chain ------------------------------------------------------------------------

_LEADER = """
local lease_until, leader = string.match(redis.call('GET', KEYS[1]) or '', '^(%S+) (.*)$')
"""

LEAD = Script(f"""
{_LEADER}
if leader and leader ~= ARGV[1] and tonumber(lease_until) > tonumber(ARGV[2]) then
    local lease = lease_until .. ' ' .. leader
    if lease ~= ARGV[4] then return lease end
end
redis.call('SET', KEYS[1], ARGV[3] .. ' ' .. ARGV[1])
return ARGV[3] .. ' ' .. ARGV[1]
""")
"""KEYS: the leader. ARGV: the follower, now, the end of the lease, the lease that is over in any
case. A lease is its end, a space, and its follower. Returns the one in force."""

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
