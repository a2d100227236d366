-- Take or renew a lease. KEYS: the lease. ARGV: the event source, ms that the lease lasts.
-- Returns 1, or 0 when another event source holds it.
if redis.call('GET', KEYS[1]) == ARGV[1] then
  return redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) and 1 or 0
