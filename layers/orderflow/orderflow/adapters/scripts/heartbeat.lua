-- Note that an event source is alive, and forget those that have not been for a while.
-- KEYS: the event sources by the time of their last heartbeat. ARGV: the event source, ms after which one counts as
-- dead.
-- Returns all that are alive.
-- requires: time
local now = now_ms()
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
return redis.call('ZRANGE', KEYS[1], 0, -1)
