-- Work through a run of status-stream entries: note who watches an order, and tell who must hear of each event.
-- KEYS: per entry its order's hash. ARGV: per entry: action ('event', 'subscribe', 'unsubscribe'), connection or ''.
-- The hash's field 'watchers' holds "connection sequence" pairs: what that connection had been sent on subscribing,
-- so that an event which stood in the history and is still on its way in the stream is not sent twice.
-- Returns per entry: for an event the watchers, as they stood there; for a subscription the events so far.
local function without(watchers, connection)
  local kept = {}
  for other, sequence in string.gmatch(watchers, '(%S+) (%d+)') do
    if other ~= connection then
      kept[#kept + 1] = other .. ' ' .. sequence
    end
  end
  return kept
end

local replies = {}
for i = 1, #KEYS do
  local action, connection = ARGV[i * 2 - 1], ARGV[i * 2]
  local watchers = redis.call('HGET', KEYS[i], 'watchers') or ''
  if action == 'event' then
    replies[i] = watchers
  else
    local kept = without(watchers, connection)
    local history = {}
    if action == 'subscribe' then
      local sequence = tonumber(redis.call('HGET', KEYS[i], 'sequence') or '0')
      for n = 1, sequence do
        history[n] = redis.call('HGET', KEYS[i], 'event:' .. n)
      end
      if sequence > 0 then
        kept[#kept + 1] = connection .. ' ' .. sequence
      end
    end
    if redis.call('EXISTS', KEYS[i]) == 1 then
      redis.call('HSET', KEYS[i], 'watchers', table.concat(kept, ' '))
    end
    replies[i] = history
  end
end
return replies
