-- Ask for a feed, or to get it no longer, by an entry in the status stream, which gives it its place among the events.
-- KEYS: status stream, the set of what the connection watches here, and what it was answered of by the time of that.
-- ARGV: feed, connection, action, the sequence to resume from or '', how much the connection may watch here, ms
-- between two answers, ms that what is noted of a connection lives without a new request.
-- Returns an outcome and a number: 1 and how much the connection watches here, -1 and that (too much), -2 and the ms
-- after which to ask again.
-- requires: time
local status, watched, answered = unpack(KEYS)
local feed, connection, action, resume = unpack(ARGV)
local most, gap, keep, now = tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[7], now_ms()

local function add(...)
  redis.call('XADD', status, '*', 'order_id', feed, 'connection_id', connection, 'action', action, ...)
end

if action == 'unsubscribe' then
  redis.call('SREM', watched, feed)
  add()
  return {1, redis.call('SCARD', watched)}
end
local last = tonumber(redis.call('ZSCORE', answered, feed) or nil)
if last and last + gap > now then
  return {-2, last + gap - now}
end
local watches = redis.call('SCARD', watched)
if redis.call('SISMEMBER', watched, feed) == 0 and watches >= most then
  return {-1, watches}
end
redis.call('SADD', watched, feed)
redis.call('PEXPIRE', watched, keep)
redis.call('ZADD', answered, now, feed)
redis.call('PEXPIRE', answered, 3 * gap)
add('resume', resume)
return {1, redis.call('SCARD', watched)}
