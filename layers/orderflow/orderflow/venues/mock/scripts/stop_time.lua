-- Stop the chain's clock, and the ticks, unless somebody has asked for it again.
-- KEYS: slot, timers. ARGV: number of the last demand before it was found that nothing rests, the heartbeat's member.
-- Returns 1 (stopped) or 0 (asked for again).
if (redis.call('HGET', KEYS[1], 'demand') or '0') ~= ARGV[1] then
  return 0
end
redis.call('HDEL', KEYS[1], 'ticks')
redis.call('ZREM', KEYS[2], ARGV[2])
return 1
