-- Return an API key's copy; a look-up of one that is not here counts against where it comes from.
-- KEYS: the copy, the bucket of the address; without that the look-up counts against nobody.
-- ARGV: the ms in which one such look-up more is allowed, and how many at once.
-- Returns the time, the ms after which to ask again (0: it is allowed), and of a copy its text and when it was read.
-- The bucket is the moment at which it would be empty again (the generic cell rate algorithm).
-- requires: time
local now = now_ms()
local kept = redis.call('HMGET', KEYS[1], 'key', 'read_at')
if kept[1] then
  return {now, 0, kept[1], tonumber(kept[2])}
end
if not KEYS[2] then
  return {now, 0}
end
local gap, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local empty_at = tonumber(redis.call('GET', KEYS[2]) or 0)
if empty_at < now or empty_at > now + burst * gap then
  empty_at = now -- it is empty; or another node filled it, whose clock is ahead
end
local wait = empty_at - now - (burst - 1) * gap
if wait > 0 then
  return {now, wait}
end
redis.call('SET', KEYS[2], empty_at + gap, 'PX', empty_at + gap - now)
return {now, 0}
