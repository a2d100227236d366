-- Decide what becomes of a transaction that nobody will look after any more: one that has not landed never will.
-- KEYS: the signature's result. ARGV: the result of a transaction that failed. Returns the result that stands.
local result = redis.call('GET', KEYS[1])
if result and result ~= '' then
  return result
end
redis.call('SET', KEYS[1], ARGV[1])
return ARGV[1]
