-- Keep a report as its channel's latest one, and what it says of prices for later.
-- KEYS: the channel's state, then lists of prices. ARGV: the report's text, when it was made in ms since 1970, the slot
-- that its prices are of, how many prices a list keeps; then per list its price.
-- Of a slot prices are kept once: those that a list has first.
-- Returns the report's sequence.
local state, slot = KEYS[1], ARGV[3]
if redis.call('HGET', state, 'slot') ~= slot then
  for k = 2, #KEYS do
    redis.call('RPUSH', KEYS[k], ARGV[k + 3])
    redis.call('LTRIM', KEYS[k], -ARGV[4], -1)
  end
end
redis.call('HSET', state, 'text', ARGV[1], 'made', ARGV[2], 'slot', slot)
return redis.call('HINCRBY', state, 'sequence', 1)
