-- Move the messages that are due from the timer set to their streams.
-- KEYS: timers, wake, then the streams. ARGV: how many at most, then the streams' names in the order of their keys.
-- Returns how many moved, and the milliseconds until the next is due (-1: none waits).
-- A message for another stream is for a function of newer code that is being deployed: it rests, out of the others'
-- way.
-- requires: time
local REST_MS = 1000
local stream_keys = {}
for i = 3, #KEYS do
  stream_keys[ARGV[i - 1]] = KEYS[i]
end
local now = now_ms()
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[1])
for _, member in ipairs(due) do
  local stream, attempt, order = string.match(member, '^(%S+) (%S+) (.*)$')
  if stream_keys[stream] then
    redis.call('XADD', stream_keys[stream], '*', 'attempt', attempt, 'order', order)
    redis.call('ZREM', KEYS[1], member)
  else
    redis.call('ZADD', KEYS[1], now + REST_MS, member)
  end
end
local first = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
return {#due, first[2] and math.max(0, first[2] - now) or -1}
