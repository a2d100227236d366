-- Create each of many orders of a partition, once, while there is room for them.
-- KEYS: timers, wake, status stream, the stages' streams, then per order its hash, its idempotency record, and that of
-- the version before.
-- ARGV: seconds to keep an idempotency record, most records that may wait at a stage, most orders that may be under
-- way, seconds to keep a record of the version before, number of stages, the names of their streams; then per order:
-- id, event, order, fingerprint or '', record (the short id, then what stands for the fingerprint).
-- Returns per order 1 (created), the id, short or whole, of the order that the same request made before, -1 (its
-- idempotency key came with another request), the name of the stage that is too far behind, or -2 (too many orders are
-- under way).
-- A stage's stream holds what waits there and what is being worked on: entries are removed when they are acknowledged.
-- requires: deliver
local SHORT_ID, FIXED_KEYS, FIXED_ARGV = 22, 3, 5
local stages = tonumber(ARGV[5])
local SHARED_KEYS, SHARED_ARGV = FIXED_KEYS + stages, FIXED_ARGV + stages
local first_stage = ARGV[FIXED_ARGV + 1]
local waiting, behind = {}, nil
local room = ARGV[3] - redis.call('ZCARD', KEYS[1])
for stage = 1, stages do
  waiting[stage] = redis.call('XLEN', KEYS[FIXED_KEYS + stage])
  room = room - waiting[stage]
  if waiting[stage] >= tonumber(ARGV[2]) then
    behind = ARGV[FIXED_ARGV + stage]
  end
end
local room_at_first = ARGV[2] - waiting[1]

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
for i = SHARED_KEYS + 1, #KEYS, 3 do
  local n = (i - SHARED_KEYS + 2) / 3
  local a = SHARED_ARGV + (n - 1) * 5
  local id, fingerprint, record = ARGV[a + 1], ARGV[a + 4], ARGV[a + 5]
  local seen = fingerprint ~= '' and made_before(KEYS[i + 1], KEYS[i + 2], fingerprint, record)
  if seen then
    outcome[n] = seen
  elseif behind or room_at_first <= 0 then
    outcome[n] = behind or first_stage
  elseif room <= 0 then
    outcome[n] = -2
  else
    if fingerprint ~= '' then
      redis.call('SET', KEYS[i + 1], record, 'EX', ARGV[1])
      redis.call('SET', KEYS[i + 2], fingerprint .. ' ' .. id, 'EX', math.min(ARGV[1], ARGV[4]))
    end
    outcome[n] = transition(KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[i], first_stage,
      id, 1, 'pending', ARGV[a + 2], ARGV[a + 3], 0)
    room_at_first, room = room_at_first - 1, room - 1
  end
end
return outcome
