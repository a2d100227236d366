-- Note that orders are to end once their transaction is refused, while nothing else can be done about it.
-- KEYS: the orders' hashes. ARGV: the status that they are to end with, then the sequence of each.
-- Returns per order 1, or 0 when it has taken a step meanwhile. What was requested first stands.
local noted = {}
for i, order_key in ipairs(KEYS) do
  noted[i] = 0
  if redis.call('HGET', order_key, 'sequence') == ARGV[i + 1] then
    redis.call('HSETNX', order_key, 'ending', ARGV[1])
    noted[i] = 1
  end
end
return noted
