-- Count the orders that rest in a partition's timers, by the stream that they are for.
-- KEYS: timers. ARGV: how many timers are looked at, the next ones that are due.
-- Messages that are about no order, such as the heartbeat of a clock, are not counted.
-- Returns streams, each with the number of its orders; '' has those that were not looked at.
local most = tonumber(ARGV[1])
local counts = {[''] = math.max(redis.call('ZCARD', KEYS[1]) - most, 0)}
for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, most - 1)) do
  local stream, order = string.match(member, '^(%S+) %S+ (.*)$')
  if string.find(order, '^%x+%-') or string.find(order, '^{"order_id"') then
    counts[stream] = (counts[stream] or 0) + 1
  end
end
local flat = {}
for stream, count in pairs(counts) do
  flat[#flat + 1], flat[#flat + 2] = stream, count
end
return flat
