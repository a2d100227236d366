-- Create each of many orders of a partition, once, while there is room for them.
-- KEYS: timers, wakes, status stream, the stages' streams, then per order its hash; of one with a name its idempotency
-- record follows, and that of the version before.
-- ARGV: seconds to keep an idempotency record, most records that may wait at a stage, most orders that may be under
-- way, seconds to keep a record of the version before, most orders that may rest, number of stages, the names of their
-- streams; then per order: id, first step, its first stream, fingerprint; of one with a name its record (the short id,
-- then what stands for the fingerprint) follows, and the fingerprint of one without is ''. One without a first step is
-- only looked for.
-- Returns per order 1 (created), the id, short or whole, of the order that the same request made before, -1 (its
-- idempotency key came with another request), the name of the stage that is too far behind, -2 (too many orders are
-- under way), -3 (too many rest) or -4 (it was not made before, and is not to be made).
-- A stage's stream holds what waits there and what is being worked on: entries are removed when they are acknowledged.
-- requires: deliver
local SHORT_ID, FIXED_KEYS, FIXED_ARGV = 22, 3, 6
local stages = tonumber(ARGV[6])
local SHARED_KEYS, SHARED_ARGV = FIXED_KEYS + stages, FIXED_ARGV + stages
local behind, stream_keys, room_at = nil, {}, {}
local room_to_rest = ARGV[5] - redis.call('ZCARD', string.match(KEYS[1], '^{.-}:') .. 'resting')
local room = ARGV[3] - redis.call('ZCARD', KEYS[1])
for stage = 1, stages do
  local name, stream_key = ARGV[FIXED_ARGV + stage], KEYS[FIXED_KEYS + stage]
  local waiting = redis.call('XLEN', stream_key)
  stream_keys[name], room_at[name] = stream_key, ARGV[2] - waiting
  room = room - waiting
  if name == 'open' then
    room_to_rest = room_to_rest - waiting -- those that are still to rest
  end
  if room_at[name] <= 0 then
    behind = name
  end
end

-- Return what was made under a name before: its short or its whole id, or -1; nil when there was none.
local function made_before(record_key, former_key, fingerprint, record)
  local seen = redis.call('GET', record_key)
  if seen then
    return string.sub(seen, SHORT_ID + 1) == string.sub(record, SHORT_ID + 1) and string.sub(seen, 1, SHORT_ID) or -1
  end
  local former = redis.call('GET', former_key)
  if former then
    local first_fingerprint, first_id = string.match(former, '^(%S+) (%S+)$')
    return first_fingerprint == fingerprint and first_id or -1
  end
end

local outcome = {}
local k, a = SHARED_KEYS, SHARED_ARGV
while k < #KEYS do
  local order_key, record_key, former_key = KEYS[k + 1], KEYS[k + 2], KEYS[k + 3]
  local id, step, stream, fingerprint, record = unpack(ARGV, a + 1, a + 5)
  local named = fingerprint ~= ''
  k, a = k + (named and 3 or 1), a + (named and 5 or 4)
  local n = #outcome + 1
  local seen = named and made_before(record_key, former_key, fingerprint, record)
  if seen then
    outcome[n] = seen
  elseif step == '' then
    outcome[n] = -4
  elseif behind or room_at[stream] <= 0 then
    outcome[n] = behind or stream
  elseif room <= 0 then
    outcome[n] = -2
  elseif stream == 'open' and room_to_rest <= 0 then
    outcome[n] = -3
  else
    if named then
      redis.call('SET', record_key, record, 'EX', ARGV[1])
      redis.call('SET', former_key, fingerprint .. ' ' .. id, 'EX', math.min(ARGV[1], ARGV[4]))
    end
    outcome[n] = transition(KEYS[1], KEYS[2], KEYS[3], stream_keys[stream], order_key, stream, id, 1, 'pending', step,
      0, '', '')
    room_at[stream], room = room_at[stream] - 1, room - 1
    room_to_rest = room_to_rest - (stream == 'open' and 1 or 0)
  end
end
return outcome
