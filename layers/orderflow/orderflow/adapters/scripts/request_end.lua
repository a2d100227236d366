-- Note that an order is to end once its transaction is refused, while nothing else can be done about it.
-- KEYS: the order's hash. ARGV: its sequence, the status that it is to end with.
-- Returns 1, or 0 when it has taken a step meanwhile. What was requested first stands.
if redis.call('HGET', KEYS[1], 'sequence') ~= ARGV[1] then
  return 0
end
redis.call('HSETNX', KEYS[1], 'ending', ARGV[2])
return 1
