-- Append events of a partition to feeds, each event once, and have them sent by an entry of the status stream here.
-- KEYS: status stream, then per feed the stream of its events and its state.
-- ARGV: the partition that the events are from, how many events of a feed are kept; then per feed: name, number of
-- events, and of each its entry's id there and its step.
-- A partition's events come in the order of its stream, since nobody passes over an entry that another still has in
-- hand (see followed): so what is not behind the last that was taken from there is here already.
-- Returns per feed how many events it has taken from that partition in all.
-- requires: entry_ids
local from, taken_field = 'from:' .. ARGV[1], 'taken:' .. ARGV[1]
local kept, a, counts = ARGV[2], 2, {}
for k = 2, #KEYS, 2 do
  local stream, state = KEYS[k], KEYS[k + 1]
  local feed, number = ARGV[a + 1], tonumber(ARGV[a + 2])
  a = a + 2
  local before = tonumber(redis.call('HGET', state, 'sequence') or '0')
  local last, sequence = redis.call('HGET', state, from) or '0-0', before
  for _ = 1, number do
    local id, step = ARGV[a + 1], ARGV[a + 2]
    a = a + 2
    if earlier(last, id) then
      last, sequence = id, sequence + 1
      redis.call('XADD', stream, 'MAXLEN', '~', kept, sequence .. '-0', 'event', step)
    end
  end
  if sequence > before then
    redis.call('HSET', state, 'sequence', sequence, from, last)
    redis.call('XADD', KEYS[1], '*', 'order_id', feed, 'action', 'feed', 'first', before + 1, 'last', sequence)
  end
  counts[k / 2] = redis.call('HINCRBY', state, taken_field, sequence - before)
end
return counts
