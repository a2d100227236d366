-- Return all keys, each with the ms that it has left and its content: of a sorted set its members, each with its score,
-- but of the timers the members alone. ARGV: the hashes to leave out, by name.
local found = {}
for _, name in ipairs(redis.call('KEYS', '*')) do
  local kind = redis.call('TYPE', name).ok
  local content
  if kind == 'stream' then
    content = redis.call('XINFO', 'STREAM', name, 'FULL', 'COUNT', 0)
  elseif kind == 'zset' then
    local scores = not name:find(':timers$') and {'WITHSCORES'} or {}
    content = redis.call('ZRANGE', name, 0, -1, unpack(scores))
  elseif kind == 'set' then
    content = redis.call('SMEMBERS', name)
  elseif kind == 'string' then
    content = redis.call('GET', name)
  elseif kind == 'hash' and not ARGV[1]:find(' ' .. name .. ' ', 1, true) then
    content = redis.call('HGETALL', name)
  end
  found[#found + 1] = {name, redis.call('PTTL', name), content or ''}
end
return found
