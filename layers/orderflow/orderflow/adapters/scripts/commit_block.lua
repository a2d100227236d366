-- Commit a block on top of the one that it was computed from: new pool states and results together, or nothing.
-- KEYS: height, pools, then each signature's result. ARGV: the block's height, number of pools; then per pool: address,
-- state; then the results in the order of their keys. Returns 1 (committed) or 0 (another block came first).
if tonumber(redis.call('GET', KEYS[1]) or '0') ~= tonumber(ARGV[1]) - 1 then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1])
local pools = tonumber(ARGV[2])
for n = 1, pools do
  redis.call('HSET', KEYS[2], ARGV[1 + n * 2], ARGV[2 + n * 2])
end
for i = 3, #KEYS do
  redis.call('SET', KEYS[i], ARGV[2 + pools * 2 + i - 2])
end
return 1
