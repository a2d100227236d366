-- Have the chain's clock run, and each block write a tick, until nothing rests that needs it.
-- KEYS: slot, timers, wakes. ARGV: transaction stream's name, heartbeat, ms between two beats (0: by hand).
-- Returns the number of this demand: who found before it that nothing rests does not stop the clock any more.
-- requires: beats
local demand = redis.call('HINCRBY', KEYS[1], 'demand', 1)
redis.call('HSET', KEYS[1], 'ticks', 1)
keep_beating(KEYS[1], KEYS[2], KEYS[3], ARGV[1], ARGV[2], tonumber(ARGV[3]), false)
return demand
