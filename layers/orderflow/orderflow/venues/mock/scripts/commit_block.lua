-- Commit blocks on top of the state that they were computed from: pools, prices and results together, or nothing:
-- decision 0005.
-- KEYS: slot, pools, fair prices, what others paid, then each signature's result.
-- ARGV: block before, slot after, fair prices, number of pools, number of flows; then per pool: address, state; per
-- flow: place, atoms; then the results in the order of their keys. Returns 1 (committed) or 0 (others came first, also
-- where one of the transactions has got its result otherwise: it was abandoned).
-- The slot may stay the same while pools change, so a counter beside it distinguishes one state from the next.
if (redis.call('HGET', KEYS[1], 'block') or '0') ~= ARGV[1] then
  return 0
end
for i = 5, #KEYS do
  if redis.call('GET', KEYS[i]) ~= '' then
    return 0
  end
end
redis.call('HSET', KEYS[1], 'block', tonumber(ARGV[1]) + 1, 'slot', ARGV[2])
redis.call('SET', KEYS[3], ARGV[3])
local at = 6
for _ = 1, ARGV[4] do
  redis.call('HSET', KEYS[2], ARGV[at], ARGV[at + 1])
  at = at + 2
end
for _ = 1, ARGV[5] do
  redis.call('HINCRBY', KEYS[4], ARGV[at], ARGV[at + 1])
  at = at + 2
end
for i = 5, #KEYS do
  redis.call('SET', KEYS[i], ARGV[at])
  at = at + 1
end
return 1
