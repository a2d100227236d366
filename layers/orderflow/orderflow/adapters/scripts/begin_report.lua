-- Look whether a channel's report is due, and have the next one come as long as somebody follows.
-- KEYS: the channel's followers, its state, timers, wakes. ARGV: stream's name, the timer's message, ms between two
-- reports.
-- The timer is one member of the set, so however many messages come there is never a second one.
-- Returns nothing where nobody follows, else 1 if the report is due, the time in ms since 1970, sequence, time and text
-- of the latest report, and the followers, each with 0 if it is still to be answered.
-- requires: deliver
local followers, state, timers, wakes = unpack(KEYS)
local stream, message, interval, now = ARGV[1], ARGV[2], tonumber(ARGV[3]), now_ms()
local found = redis.call('ZRANGE', followers, 0, -1, 'WITHSCORES')
if #found == 0 then
  return {}
end
local begun, sequence, made, text = unpack(redis.call('HMGET', state, 'begun', 'sequence', 'made', 'text'))
begun = tonumber(begun or '0')
local is_due = math.abs(now - begun) >= interval -- after a failover the clock may be another
if is_due then
  begun = now
  redis.call('HSET', state, 'begun', now)
end
if not redis.call('ZSCORE', timers, stream .. ' 1 ' .. message) then
  rest(timers, wakes, begun + interval, stream, 1, message)
end
return {is_due and 1 or 0, now, sequence or '0', made or '0', text or '', found}
