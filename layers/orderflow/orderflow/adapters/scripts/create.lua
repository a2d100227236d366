-- Create each of many orders of a partition, once, while there is room for them.
-- KEYS: timers, wake, status stream, the four stages' streams, then per order its hash and its idempotency record.
-- ARGV: seconds to keep an idempotency record, most records that may wait at a stage, most orders that may be under
-- way, the names of the stages' streams; then per order: id, event, order, fingerprint or ''.
-- Returns per order 1 (created), the id of the order that the same request made before, -1 (its idempotency key came
-- with another request), the name of the stage that is too far behind, or -2 (too many orders are under way).
-- A stage's stream holds what waits there and what is being worked on: entries are removed when they are acknowledged.
local STAGES, SHARED_KEYS, SHARED_ARGV = 4, 7, 7
local first_stage = ARGV[4]
local waiting, behind = {}, nil
local room = ARGV[3] - redis.call('ZCARD', KEYS[1])
for stage = 1, STAGES do
  waiting[stage] = redis.call('XLEN', KEYS[3 + stage])
  room = room - waiting[stage]
  if waiting[stage] >= tonumber(ARGV[2]) then
    behind = ARGV[3 + stage]
  end
end
local room_at_first = ARGV[2] - waiting[1]

local outcome = {}
for i = SHARED_KEYS + 1, #KEYS, 2 do
  local n = (i - SHARED_KEYS + 1) / 2
  local a = SHARED_ARGV + (n - 1) * 4
  local id, fingerprint = ARGV[a + 1], ARGV[a + 4]
  local seen = fingerprint ~= '' and redis.call('GET', KEYS[i + 1])
  if seen then
    local first_fingerprint, first_id = string.match(seen, '^(%S+) (%S+)$')
    outcome[n] = first_fingerprint == fingerprint and first_id or -1
  elseif behind or room_at_first <= 0 then
    outcome[n] = behind or first_stage
  elseif room <= 0 then
    outcome[n] = -2
  else
    if fingerprint ~= '' then
      redis.call('SET', KEYS[i + 1], fingerprint .. ' ' .. id, 'EX', ARGV[1])
    end
    outcome[n] = transition(KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[i], first_stage,
      id, 1, 'pending', ARGV[a + 2], ARGV[a + 3], 0)
    room_at_first, room = room_at_first - 1, room - 1
  end
end
return outcome
