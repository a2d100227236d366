-- Decide what becomes of a transaction that nobody will look after any more: one that has not landed never will.
-- KEYS: the signature's result. ARGV: the result of a transaction that failed, and how long that is kept in ms.
-- Returns the result that stands.
local result = redis.call('GET', KEYS[1])
if result and result ~= '' then
  return result
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return ARGV[1]
