-- Begin to subscribe somebody to a feed: until that is done nobody finds that it is not wanted.
-- KEYS: the feed's state. Returns the number of this decision; the flags go by the latest (see flag_feed).
-- requires: time
redis.call('HSET', KEYS[1], 'idle', now_ms(), 'idle_at', redis.call('HGET', KEYS[1], 'sequence') or 0)
return redis.call('HINCRBY', KEYS[1], 'version', 1)
