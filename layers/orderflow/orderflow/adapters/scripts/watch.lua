-- Work through a run of status-stream entries: note who watches an order, and tell who must hear of each event.
-- KEYS: per entry its order's hash. ARGV: per entry: action ('event', 'subscribe', 'unsubscribe'), connection or '', and
-- the entry's id, or '' for an action that is not from the stream.
-- The hash's field 'watchers' holds "connection sequence id" triples: what that connection had been sent on subscribing,
-- so that an event which stood in the history and is still on its way in the stream is not sent twice, and by which
-- entry. Field 'acted:<connection>' is the last such entry of that connection: what comes again, from a batch that is
-- repeated or an owner that was late, changes nothing, and a subscription is answered as it was the first time.
-- Returns per entry: for an event the watchers, as they stood there; for a subscription the events so far.
local function history(order, sequence)
  local events = {}
  for n = 1, sequence do
    events[n] = redis.call('HGET', order, 'event:' .. n)
  end
  return events
end

local function act(order, action, connection, id)
  local acted = redis.call('HGET', order, 'acted:' .. connection)
  local again = id ~= '' and acted and not earlier(acted, id)
  local kept = {}
  for other, sequence, by in string.gmatch(redis.call('HGET', order, 'watchers') or '', '(%S+) (%d+) (%S+)') do
    if other ~= connection then
      kept[#kept + 1] = other .. ' ' .. sequence .. ' ' .. by
    elseif again and by == id and action == 'subscribe' then
      return history(order, tonumber(sequence))
    end
  end
  local sequence = tonumber(redis.call('HGET', order, 'sequence') or '0')
  if again or sequence == 0 then
    return {}
  end
  if action == 'subscribe' then
    kept[#kept + 1] = connection .. ' ' .. sequence .. ' ' .. id
  end
  redis.call('HSET', order, 'watchers', table.concat(kept, ' '))
  if id ~= '' then
    redis.call('HSET', order, 'acted:' .. connection, id)
  end
  return action == 'subscribe' and history(order, sequence) or {}
end

local replies = {}
for i = 1, #KEYS do
  local a = (i - 1) * 3
  if ARGV[a + 1] == 'event' then
    replies[i] = redis.call('HGET', KEYS[i], 'watchers') or ''
  else
    replies[i] = act(KEYS[i], ARGV[a + 1], ARGV[a + 2], ARGV[a + 3])
  end
end
return replies
