"""Scripts for reservations and for bound keys: what ends by a clock.

Each caller has a clock of its own, which may be wrong, so an end that one wrote is not compared
with the time of another. The server keeps each record for its length by its own clock. The clock of
the caller that wrote it may end it earlier; no other's may. ``ARGV[1]`` of each script is the name
of the caller's clock, ``ARGV[2]`` its time.
"""

from facilitator_redis.script import SERVER_NOW, Script

# --- Reservations -------------------------------------------------------------------------------
#
# KEYS: the transactions by their end on the server's clock, the record of each, the transaction of
# each input, and the verified transactions of each payer as "<payer>\0<transaction>" in a sorted
# set. A record is a JSON list: payer, recipient, "settling" or "verified", clock, end by that
# clock, seconds that it was made for, inputs.

_HOLDS = """
local PAYER, PAY_TO, KIND, CLOCK, ENDS_AT, SECONDS, FIRST_INPUT = 1, 2, 3, 4, 5, 6, 7
local function hold_of(transaction)
    local record = redis.call('HGET', KEYS[2], transaction)
    return record and cjson.decode(record)
end
local function is_over(hold)
    return hold[CLOCK] == ARGV[1] and tonumber(hold[ENDS_AT]) <= tonumber(ARGV[2])
end
local function release(transaction)
    local hold = hold_of(transaction)
    if not hold then return end
    for place = FIRST_INPUT, #hold do redis.call('HDEL', KEYS[3], hold[place]) end
    if hold[KIND] == 'verified' then
        redis.call('ZREM', KEYS[4], hold[PAYER] .. '\\0' .. transaction)
    end
    redis.call('HDEL', KEYS[2], transaction)
    redis.call('ZREM', KEYS[1], transaction)
end
"""

RESERVE = Script(f"""
{SERVER_NOW}
{_HOLDS}
local transaction, limit = ARGV[3], tonumber(ARGV[4])
local wanted = {{ARGV[5], ARGV[6], ARGV[7], ARGV[1], unpack(ARGV, 8)}}
local payer, is_verified = wanted[PAYER], wanted[KIND] == 'verified'

local most = 500
local over = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', server_now, 'LIMIT', 0, most)
for _, each in ipairs(over) do release(each) end
if #over == most then return 'more' end

local first, last = '[' .. payer .. '\\0', '(' .. payer .. '\\1'
local ended, held = {{}}, redis.call('ZLEXCOUNT', KEYS[4], first, last)
local function will_end(other, hold)
    if ended[other] then return end
    ended[other] = true
    if hold[KIND] == 'verified' and hold[PAYER] == payer then held = held - 1 end
end

-- Seconds that a hold lasts from now on. After a failover to a server whose clock is behind, they
-- seem more than it was made for: then it is cut to that.
local function left_of(other, hold)
    local left = redis.call('ZSCORE', KEYS[1], other) - server_now
    if left > tonumber(hold[SECONDS]) then
        left = tonumber(hold[SECONDS])
        redis.call('ZADD', KEYS[1], server_now + left, other)
    end
    return left
end

local own = hold_of(transaction)
if own then
    if is_verified and own[KIND] == 'settling' and not is_over(own) then return 'held' end
    will_end(transaction, own)
end

local refusal, refused_by
for place = FIRST_INPUT, #wanted do
    local holder = redis.call('HGET', KEYS[3], wanted[place])
    local hold = holder and holder ~= transaction and hold_of(holder)
    if hold then
        local gives_way = hold[KIND] == 'verified' and (not is_verified
            or hold[PAYER] == payer and hold[PAY_TO] == wanted[PAY_TO])
        if is_over(hold) or gives_way then
            will_end(holder, hold)
        elseif not refusal or refused_by[KIND] == 'verified' and hold[KIND] == 'settling' then
            local ends_at, left = hold[ENDS_AT], left_of(holder, hold)
            if hold[CLOCK] ~= ARGV[1] then
                ends_at = string.format('%.3f', tonumber(ARGV[2]) + left)
            end
            refusal, refused_by = {{'elsewhere', wanted[place], holder, ends_at, hold[KIND]}}, hold
        end
    end
end
if refusal then return refusal end

if is_verified and held >= limit then
    for _, each in ipairs(redis.call('ZRANGEBYLEX', KEYS[4], first, last)) do
        local other = string.sub(each, #payer + 2)
        local hold = hold_of(other)
        if hold and is_over(hold) then will_end(other, hold) end
    end
    if held >= limit then return {{'too many', held}} end
end

for each in pairs(ended) do release(each) end
for place = FIRST_INPUT, #wanted do redis.call('HSET', KEYS[3], wanted[place], transaction) end
redis.call('HSET', KEYS[2], transaction, cjson.encode(wanted))
redis.call('ZADD', KEYS[1], server_now + tonumber(wanted[SECONDS]), transaction)
if is_verified then redis.call('ZADD', KEYS[4], 0, payer .. '\\0' .. transaction) end
return 'held'
""")
"""ARGV: the caller's clock and time, the transaction, the payer's limit, the payer, the recipient,
``settling`` or ``verified``, the end by the caller's clock, the seconds to hold, the inputs.

Returns ``held``; the refusal; or ``more``, after the release of so many expired reservations that
another run does the rest, so that other callers do not wait.
"""

RELEASE = Script(f"""
{_HOLDS}
release(ARGV[3])
""")
"""ARGV: the caller's clock and time, the transaction."""

CANCEL = Script(f"""
{_HOLDS}
local hold = hold_of(ARGV[3])
if not hold or hold[KIND] ~= 'verified' then return 0 end
release(ARGV[3])
return 1
""")
"""ARGV: the caller's clock and time, the transaction. Returns 1 if it was released."""

IS_RESERVED = Script(
    f"""
{SERVER_NOW}
{_HOLDS}
local hold = hold_of(ARGV[3])
if not hold or is_over(hold) then return 0 end
return tonumber(redis.call('ZSCORE', KEYS[1], ARGV[3])) > server_now and 1 or 0
""",
    writes=False,
)
"""ARGV: the caller's clock and time, the transaction."""

# --- Idempotency keys ---------------------------------------------------------------------------
#
# A binding is its end by the clock that wrote it, a space, @ and that clock's name, a space, the
# value. The former version left out the clock: then the server's alone ends the binding.

_BINDING = """
local stored = redis.call('GET', KEYS[1])
local ends_at, clock, bound
if stored then
    ends_at, clock, bound = string.match(stored, '^(%S+) @(%x+) (.*)$')
    if not bound then bound = string.match(stored, '^%S+ (.*)$') end
    if clock == ARGV[1] and tonumber(ends_at) <= tonumber(ARGV[2]) then bound = nil end
end
local function bind(value, ends_at, milliseconds)
    local binding = ends_at .. ' @' .. ARGV[1] .. ' ' .. value
    redis.call('SET', KEYS[1], binding, 'PX', milliseconds)
end
"""

BOUND_TO = Script(f"{_BINDING} return bound", writes=False)
"""KEYS: the binding. ARGV: the caller's clock and time. Returns the value that is bound."""

BIND_KEY = Script(f"""
{_BINDING}
if bound then return bound end
if tonumber(ARGV[5]) > 0 then bind(ARGV[3], ARGV[4], ARGV[5]) end
return ARGV[3]
""")
"""KEYS: the binding. ARGV: the caller's clock and time, the value, the end by that clock, and the
milliseconds until then: with 0 nothing is bound. Returns the value that is bound."""

CHANGE_KEY = Script(f"""
{_BINDING}
local value = ARGV[4] == '' and ARGV[5] or nil
if bound ~= ARGV[3] then return bound == value and 1 or 0 end
if value and tonumber(ARGV[7]) > 0 then
    bind(value, ARGV[6], ARGV[7])
else
    redis.call('DEL', KEYS[1])
end
return 1
""")
"""KEYS: the binding. ARGV: the caller's clock and time, the value that is bound, ``none`` to bind
nothing, the value to bind, the end by that clock, and the milliseconds until then. Returns 1 if it
is as wanted now."""

# --- Rate limits --------------------------------------------------------------------------------

HIT = Script(f"""
{SERVER_NOW}
local length = tonumber(ARGV[1])
local allowed, counted = 1, {{}}
for place, key in ipairs(KEYS) do
    local oldest = tonumber(redis.call('LINDEX', key, 0) or nil)
    while oldest and (oldest + length <= server_now or oldest > server_now) do
        redis.call('LPOP', key)
        oldest = tonumber(redis.call('LINDEX', key, 0) or nil)
    end
    local used = redis.call('LLEN', key)
    if used >= tonumber(ARGV[place + 1]) then allowed = 0 end
    table.insert(counted, used)
    table.insert(counted, string.format('%.6f', oldest and oldest + length - server_now or length))
end
if allowed == 1 then
    for _, key in ipairs(KEYS) do
        redis.call('RPUSH', key, string.format('%.6f', server_now))
        redis.call('PEXPIRE', key, length * 1000)
    end
end
return {{allowed, unpack(counted)}}
""")
"""KEYS: windows, each a list of the times of its requests by the server's clock. ARGV: the windows'
length in seconds, each one's limit. Returns 1 if the request counts, and for each window the number
of requests before and the seconds until the oldest of them leaves it. A time ahead of the server's,
as after a failover to a server whose clock is behind, does not count.
"""
