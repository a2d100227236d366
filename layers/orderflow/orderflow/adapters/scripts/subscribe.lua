-- Ask for orders' statuses by entries in the status stream, which gives them their place among the events.
-- KEYS: status stream, timers, wakes, then per request its order's hash, the set of the orders that its connection
-- watches here and that have not ended, and the orders by the time at which that connection was last answered.
-- ARGV: least ms that an order must still live, ms between two answers of an order to a connection, ms that what is
-- noted of a connection lives without a new request, the statuses that end an order; then per request: order id,
-- connection, action, how many orders the connection may watch here, and whose orders it may watch.
-- Returns per request an outcome and a number: 1 and how many orders the connection watches here (asked, at once or as
-- soon as the time between two answers is over), 0 and 0 (the order is not, or not for long, in Redis, or another's: no
-- answer differs by that), -1 and how many it watches (too many), -2 and the ms after which to ask again (the order has
-- left Redis, and was answered just now).
-- requires: deliver
local SHARED_KEYS, SHARED_ARGV = 3, 4
local least_life, gap, keep, ends = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], ARGV[4]
local now = now_ms()

local function text(id, connection)
  return '{"order_id":"' .. id .. '","connection_id":"' .. connection .. '","action":"subscribe"}'
end

local function is_here(order)
  local life = redis.call('PTTL', order)
  return life == -1 or life >= least_life
end

local function note(answered, id, at)
  redis.call('ZADD', answered, at, id)
  redis.call('PEXPIRE', answered, 3 * gap)
end

local function add(id, connection, action)
  redis.call('XADD', KEYS[1], '*', 'order_id', id, 'connection_id', connection, 'action', action)
end

local function subscribe(order, watched, answered, id, connection, most, account)
  redis.call('ZREMRANGEBYSCORE', answered, '-inf', now - gap)
  local last = tonumber(redis.call('ZSCORE', answered, id) or nil)
  local known = redis.call('HMGET', order, 'status', 'account')
  if not is_here(order) or (known[2] or 'local') ~= account then
    if last then
      return {-2, last + gap - now}
    end
    return {0, 0}
  end
  local status = known[1] or ''
  if not string.find(ends, ' ' .. status .. ' ', 1, true) and redis.call('SISMEMBER', watched, id) == 0 then
    local watches = redis.call('SCARD', watched)
    if watches >= most then
      return {-1, watches}
    end
    redis.call('SADD', watched, id)
  end
  redis.call('PEXPIRE', watched, keep)
  if not last then
    add(id, connection, 'subscribe')
    note(answered, id, now)
  elseif last <= now then
    -- Later requests find its time in the future, and that it stands for them too.
    rest(KEYS[2], KEYS[3], last + gap, 'status', 1, text(id, connection))
    note(answered, id, last + gap)
  end
  return {1, redis.call('SCARD', watched)}
end

local function unsubscribe(order, watched, answered, id, connection, account)
  redis.call('SREM', watched, id)
  local last = tonumber(redis.call('ZSCORE', answered, id) or nil)
  if last and last > now then
    redis.call('ZREM', KEYS[2], 'status 1 ' .. text(id, connection))
    note(answered, id, last - gap)
  end
  if is_here(order) and (redis.call('HGET', order, 'account') or 'local') == account then
    add(id, connection, 'unsubscribe')
    return {1, redis.call('SCARD', watched)}
  end
  return {0, 0}
end

local outcomes = {}
for i = SHARED_KEYS + 1, #KEYS, 3 do
  local n = (i - SHARED_KEYS + 2) / 3
  local a = SHARED_ARGV + (n - 1) * 5
  local id, connection, action, most, account = unpack(ARGV, a + 1, a + 5)
  if action == 'subscribe' then
    outcomes[n] = subscribe(KEYS[i], KEYS[i + 1], KEYS[i + 2], id, connection, tonumber(most), account)
  elseif action == 'unsubscribe' then
    outcomes[n] = unsubscribe(KEYS[i], KEYS[i + 1], KEYS[i + 2], id, connection, account)
  else -- 'answered', by the ledger
    note(KEYS[i + 2], id, now)
    outcomes[n] = {0, 0}
  end
end
return outcomes
