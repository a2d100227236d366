-- Commit blocks on top of the state that they were computed from: pools, prices, results and the tick together, or
-- nothing: decision 0005.
-- KEYS: slot, pools, fair prices, what others paid, ticks, timers, wakes, then each signature's result.
-- ARGV: block before, slot after, fair prices, until when all that it fills is good in ms since 1970 or '', tick or '',
-- transaction stream's name, heartbeat, ms between two beats (0: by hand), 1 where a heartbeat made this, number of
-- pools, number of flows, number of pools that have closed, how long results are kept in ms; then per pool: address,
-- state; per flow: place, atoms; of closed ones the address; then the results in the order of their keys.
-- Returns 1 (committed), 0 (an order that it fills has expired, or others came first, also where one of these orders
-- has got its result otherwise: it was abandoned) or -1 (every block has a tick since somebody asked for it, and this
-- one has none).
-- The slot may stay the same while pools change, so a counter beside it distinguishes one state from the next.
-- requires: beats
local FIXED_KEYS, FIXED_ARGV = 7, 13
local block, ticks = unpack(redis.call('HMGET', KEYS[1], 'block', 'ticks'))
if (block or '0') ~= ARGV[1] then
  return 0
end
for i = FIXED_KEYS + 1, #KEYS do
  if redis.call('GET', KEYS[i]) ~= '' then
    return 0
  end
end
if ARGV[4] ~= '' and now_ms() > tonumber(ARGV[4]) then
  return 0
end
if ticks and ARGV[5] == '' then
  return -1
end
redis.call('HSET', KEYS[1], 'block', tonumber(ARGV[1]) + 1, 'slot', ARGV[2])
redis.call('SET', KEYS[3], ARGV[3])
local at = FIXED_ARGV + 1
for _ = 1, ARGV[10] do
  redis.call('HSET', KEYS[2], ARGV[at], ARGV[at + 1])
  at = at + 2
end
for _ = 1, ARGV[11] do
  -- What has come to nothing says nothing: launches that nobody traded in leave nothing behind.
  if redis.call('HINCRBY', KEYS[4], ARGV[at], ARGV[at + 1]) == 0 then
    redis.call('HDEL', KEYS[4], ARGV[at])
  end
  at = at + 2
end
for _ = 1, ARGV[12] do
  redis.call('HDEL', KEYS[2], ARGV[at])
  at = at + 1
end
for i = FIXED_KEYS + 1, #KEYS do
  redis.call('SET', KEYS[i], ARGV[at], 'PX', ARGV[13])
  at = at + 1
end
if ticks then
  redis.call('XADD', KEYS[5], '*', 'tick', ARGV[5])
  keep_beating(KEYS[1], KEYS[6], KEYS[7], ARGV[6], ARGV[7], tonumber(ARGV[8]), ARGV[9] == '1')
end
return 1
