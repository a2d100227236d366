-- Shared by the scripts that keep the timers: moves up to `limit` messages that are due from the timer set to their
-- streams, whose keys are given, and returns the milliseconds until the next is due (-1: none waits).
-- A message for another stream is for a function of newer code that is being deployed: it rests, out of the others'
-- way.
-- requires: time
local REST_MS = 1000

local function move(timers, streams, now, limit)
  local keys = {}
  for _, key in ipairs(streams) do
    keys[string.match(key, ':(.*)$')] = key
  end
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', timers, '-inf', now, 'LIMIT', 0, limit)) do
    local stream, attempt, order = string.match(member, '^(%S+) (%S+) (.*)$')
    if keys[stream] then
      redis.call('XADD', keys[stream], '*', 'attempt', attempt, 'order', order)
      redis.call('ZREM', timers, member)
    else
      redis.call('ZADD', timers, now + REST_MS, member)
    end
  end
end

local function first_due(timers)
  return tonumber(redis.call('ZRANGE', timers, 0, 0, 'WITHSCORES')[2])
end

-- Orders that expire wait in a set of their own, as `id 1`: they are not under way, and an amend may change when.
local function expire(expiries, now, limit)
  local stream = string.gsub(expiries, 'expiries$', 'expire')
  for _, order in ipairs(redis.call('ZRANGEBYSCORE', expiries, '-inf', now, 'LIMIT', 0, limit)) do
    redis.call('XADD', stream, '*', 'attempt', 1, 'order', order)
    redis.call('ZREM', expiries, order)
  end
end

local function promote(timers, streams, limit)
  local expiries = string.gsub(timers, 'timers$', 'expiries')
  local due, expires = first_due(timers), first_due(expiries)
  if not due and not expires then
    return -1
  end
  local now = now_ms()
  if due and due <= now then
    move(timers, streams, now, limit)
    due = first_due(timers)
  end
  if expires and expires <= now then
    expire(expiries, now, limit)
    expires = first_due(expiries)
  end
  local next_due = math.min(due or math.huge, expires or math.huge)
  return next_due < math.huge and math.max(0, next_due - now) or -1
end
