-- Process a run of status-stream entries: note which connections watch an order, and return which must get each event.
-- KEYS: the prefix of the sets of the orders that a connection watches, the feeds, the status stream; then per entry
-- its order's hash, and the hashes of its watchers and of those that left it, which live as long as the order.
-- ARGV: how many may watch an order, the statuses that end an order, the group that reads the stream, the id of the
-- first event or '', the accounts of the events; then per entry: action ('event', 'subscribe', 'unsubscribe'),
-- connection or '', the entry's id, or '' for an action that is not from the stream, and the event's status.
-- Of a watcher is kept "sequence id": what that connection had been sent on subscribing, so that an event which stood
-- in the history and is still on its way in the stream is not sent twice, and by which entry. Of one that left, the
-- entry by which it did. What comes again, from a batch that is repeated or a lease holder that was late, changes
-- nothing, and a subscription is answered as it was the first time.
-- Returns per entry: for an event the watchers, as they stood there; for a subscription the steps so far, or a number
-- where too many watch the order already. Last of all, what goes into feeds (see followed), or nothing.
-- requires: entry_ids, watched, followed
local SHARED_KEYS, SHARED_ARGV, MOST_LEFT = 3, 5, 1000
local most, ends = tonumber(ARGV[1]), ARGV[2]

local function is_end(status)
  return string.find(ends, ' ' .. status .. ' ', 1, true)
end

local function history(order, sequence)
  local steps = {}
  for n = 1, sequence do
    -- The release before kept events, in fields of their own.
    steps[n] = redis.call('HGET', order, 'step:' .. n) or redis.call('HGET', order, 'event:' .. n)
  end
  return steps
end

local function keep(order, key, connection, value)
  redis.call('HSET', key, connection, value)
  local life = redis.call('PTTL', order)
  if life >= 0 then
    redis.call('PEXPIRE', key, life)
  end
end

local function leave(order, watchers, left, connection, id)
  redis.call('HDEL', watchers, connection)
  if redis.call('HLEN', left) >= MOST_LEFT then
    redis.call('DEL', left) -- an entry that comes again later may add a watcher that is gone; sending to it removes it
  end
  keep(order, left, connection, id)
end

local function act(order, watchers, left, action, connection, id)
  local kept = redis.call('HGET', watchers, connection)
  local sent, by = string.match(kept or '', '^(%d+) (%S+)$')
  local acted = by or redis.call('HGET', left, connection)
  if id ~= '' and acted and not earlier(acted, id) then
    return action == 'subscribe' and by == id and history(order, tonumber(sent)) or {}
  end
  local sequence = tonumber(redis.call('HGET', order, 'sequence') or '0')
  if sequence == 0 then
    watches_no_longer(KEYS[1], order, connection)
    return {}
  end
  if action ~= 'subscribe' then
    if id == '' then
      watches_no_longer(KEYS[1], order, connection) -- an unsubscription by the stream was counted when it was asked for
    end
    if id ~= '' or by then
      leave(order, watchers, left, connection, id ~= '' and id or by)
    end
    return {}
  end
  local has_ended = is_end(redis.call('HGET', order, 'status'))
  if kept or redis.call('HLEN', watchers) < most then
    redis.call('HDEL', left, connection)
    keep(order, watchers, connection, sequence .. ' ' .. id)
  elseif not has_ended then
    watches_no_longer(KEYS[1], order, connection)
    return most
  end
  if has_ended then
    watches_no_longer(KEYS[1], order, connection)
  end
  return history(order, sequence)
end

local replies = {}
for i = SHARED_KEYS + 1, #KEYS, 3 do
  local order, watchers, left = KEYS[i], KEYS[i + 1], KEYS[i + 2]
  local n = (i - SHARED_KEYS + 2) / 3
  local a = SHARED_ARGV + (n - 1) * 4
  if ARGV[a + 1] == 'event' then
    replies[n] = redis.call('HGETALL', watchers)
    if is_end(ARGV[a + 4]) then
      nobody_watches(KEYS[1], order, watchers)
    end
  else
    replies[n] = act(order, watchers, left, ARGV[a + 1], ARGV[a + 2], ARGV[a + 3])
  end
end
local in_feeds = ARGV[4] ~= '' and redis.call('EXISTS', KEYS[2]) == 1
replies[#replies + 1] = in_feeds and followed(KEYS[2], KEYS[3], ARGV[3], ARGV[4], ARGV[5]) or {}
return replies
