-- Count a socket for its account, unless the account has as many as it may have open at a time.
-- KEYS: the account's sockets, by the time at which each was last known to be open.
-- ARGV: the socket, how many may be open, since how many ms one must not have been looked at to be returned, how many
-- are returned at most, how many of those that follow were found to be gone, these, and those found to be open.
-- Returns 1 where it is counted; else 0 and those that were not looked at for longest.
local sockets, socket, gone = KEYS[1], ARGV[1], tonumber(ARGV[5])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for i = 6, #ARGV do
  if i < 6 + gone then
    redis.call('ZREM', sockets, ARGV[i])
  else
    redis.call('ZADD', sockets, 'XX', now, ARGV[i])
  end
end
if redis.call('ZCARD', sockets) < tonumber(ARGV[2]) then
  redis.call('ZADD', sockets, now, socket)
  return {1}
end
return {0, unpack(redis.call('ZRANGEBYSCORE', sockets, '-inf', now - ARGV[3], 'LIMIT', 0, ARGV[4]))}
