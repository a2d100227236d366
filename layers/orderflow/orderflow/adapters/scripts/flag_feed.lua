-- Say in a partition whether its events go into a feed.
-- KEYS: the hash of the feeds. ARGV: feed, 'on' or 'off', the number of the decision.
-- Kept is "on|off decision since": of two decisions the later one holds. Once something is missing, the feed is not in
-- the hash any more (see followed), and `since` is another afterwards.
-- Returns `since`, or '' for one that is not there.
local kept = redis.call('HGET', KEYS[1], ARGV[1])
local decision, since = string.match(kept or '', '^%l+ (%d+) (%d+)$')
if decision and tonumber(decision) >= tonumber(ARGV[3]) then
  return since
end
if not decision and ARGV[2] == 'off' then
  return ''
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ' ' .. ARGV[3] .. ' ' .. (since or ARGV[3]))
return since or ARGV[3]
