-- Have results expire. KEYS: the results. ARGV: after how many ms beyond its transaction's life each does, then until
-- when, in ms since 1970, each transaction is valid.
-- requires: time
local now = now_ms()
for i, key in ipairs(KEYS) do
  redis.call('PEXPIREAT', key, math.max(tonumber(ARGV[i + 1]), now) + ARGV[1])
end
