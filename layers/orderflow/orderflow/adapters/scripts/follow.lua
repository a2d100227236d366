-- Have a connection follow a channel of reports, or no longer.
-- KEYS: the channel's followers, the stream of reports, timers, the channels that the connection was answered of by the
-- time of that.
-- ARGV: stream's name, the message that asks for a report, channel, connection, action, how many may follow, ms between
-- two answers.
-- A follower's score is 0 until it is answered, by the next report. A subscription asks for that at once, unless the
-- last one did just now, and a timer is there anyway: so a timer that was lost comes back with it.
-- Returns 1, or -1 where too many follow.
-- requires: time
local followers, stream, timers, answered = unpack(KEYS)
local name, message, channel, connection, action = unpack(ARGV)
local most, gap, now = tonumber(ARGV[6]), tonumber(ARGV[7]), now_ms()

if action == 'unsubscribe' then
  redis.call('ZREM', followers, connection)
  return 1
end
if not redis.call('ZSCORE', followers, connection) and redis.call('ZCARD', followers) >= most then
  return -1
end
redis.call('ZADD', followers, 0, connection)
local last = tonumber(redis.call('ZSCORE', answered, channel) or '0')
if last + gap <= now then
  redis.call('ZADD', answered, now, channel)
  redis.call('PEXPIRE', answered, 3 * gap)
elseif redis.call('ZSCORE', timers, name .. ' 1 ' .. message) then
  return 1
end
redis.call('XADD', stream, '*', 'attempt', 1, 'order', message)
return 1
