-- Give a lease back; one that another event source holds by now stays. KEYS: the lease. ARGV: the event source.
-- Returns 1, or 0 when there was nothing to give back.
if redis.call('GET', KEYS[1]) == ARGV[1] then
  return redis.call('DEL', KEYS[1])
end
return 0
