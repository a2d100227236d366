-- Shared by the scripts that send messages: a message goes to its stream at once, or rests in the timer set until due.
-- Its `order` names an order and how many of its steps it has, as `id sequence`: its hash has the steps, each once. What
-- is for another partition, or waits without being an order, is JSON there, as all orders were in the release before.
-- KEYS[1] is the partition's timer set, KEYS[2] the list that wakes the timer thread for an earlier entry than before.
-- requires: time

local function rest(timers, wake, due, stream, attempt, order)
  redis.call('ZADD', timers, due, stream .. ' ' .. attempt .. ' ' .. order)
  local first = redis.call('ZRANGE', timers, 0, 0, 'WITHSCORES')
  if tonumber(first[2]) >= due then
    redis.call('RPUSH', wake, due)
    redis.call('LTRIM', wake, -1, -1)
  end
end

local function deliver(timers, wake, stream_key, stream, delay_ms, attempt, order)
  if delay_ms > 0 then
    rest(timers, wake, now_ms() + delay_ms, stream, attempt, order)
  else
    redis.call('XADD', stream_key, '*', 'attempt', attempt, 'order', order)
  end
end

-- Take one step of an order, if it is still at the step before; return 1 when taken and 0 when stale.
local function transition(
  timers, wake, status_key, stream_key, order_key, stream, id, sequence, status, step, delay_ms
)
  local current = tonumber(redis.call('HGET', order_key, 'sequence') or '0')
  if current ~= tonumber(sequence) - 1 then
    return 0
  end
  redis.call('HSET', order_key, 'sequence', sequence, 'status', status, 'step:' .. sequence, step)
  redis.call('XADD', status_key, '*', 'order_id', id, 'sequence', sequence, 'status', status, 'event', step)
  if stream ~= '' then
    deliver(timers, wake, stream_key, stream, tonumber(delay_ms), 1, id .. ' ' .. sequence)
  end
  return 1
end
