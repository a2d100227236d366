-- One turn of a poller: acknowledge what it is done with, promote what is due, and hand out the next batch.
-- KEYS: timers, wakes, then the streams.
-- ARGV: consumer, how many timers to promote at most ('0': they are another poller's), number of groups with entries
-- to acknowledge; then for each of these the place of its stream, how many entries, group and ids; then per reading, in
-- the order of their turns, the place of its stream, group and how many entries at most.
-- Returns the place of the first reading that finds entries, and these, each with the steps of the order that it names,
-- if it names one; or, when none does, 0, none, the ms until the next timer is due (-1: none waits), and the last id of
-- each reading's stream and of wakes.
-- One batch a turn: what else is there is still unread should this poller end of this batch.
-- requires: promote, trim, steps_of
local ID, BLANK, NAME = 36, 32, '^[0-9a-f%-]+ %d%d?%d?%d?%d?$'

-- Return an entry; where its `order` is an order's id and sequence, with the steps of that, whose key begins with
-- `orders`.
local function entry_of(orders, id, fields)
  for i = 1, #fields, 2 do
    local name = fields[i + 1]
    if fields[i] == 'order' and string.byte(name, ID + 1) == BLANK and string.find(name, NAME) then
      return {id, fields, steps_of(orders .. string.sub(name, 1, ID), tonumber(string.sub(name, ID + 2)))}
    end
  end
  return {id, fields}
end

local function read(stream, group, consumer, most)
  local reply = redis.call('XREADGROUP', 'GROUP', group, consumer, 'COUNT', most, 'STREAMS', stream, '>')
  local entries, orders = {}, string.match(stream, '^.*:') .. 'order:'
  for n, entry in ipairs(reply and reply[1][2] or {}) do
    entries[n] = entry_of(orders, entry[1], entry[2])
  end
  return entries
end

local consumer, most_timers, at = ARGV[1], tonumber(ARGV[2]), 3

for _ = 1, ARGV[3] do
  local stream, ids = KEYS[2 + ARGV[at + 1]], ARGV[at + 2]
  redis.call('XACK', stream, unpack(ARGV, at + 3, at + 3 + ids))
  trim(stream)
  at = at + 3 + ids
end

local next_ms = most_timers > 0 and promote(KEYS[1], {unpack(KEYS, 3)}, most_timers) or -1

for a = at + 1, #ARGV, 3 do
  local entries = read(KEYS[2 + ARGV[a]], ARGV[a + 1], consumer, ARGV[a + 2])
  if #entries > 0 then
    return {(a - at + 2) / 3, entries, 0, {}}
  end
end

local function last_id(stream)
  local last = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)[1]
  return last and last[1] or '0-0'
end

local last_ids = {}
for a = at + 1, #ARGV, 3 do
  last_ids[#last_ids + 1] = last_id(KEYS[2 + ARGV[a]])
end
last_ids[#last_ids + 1] = last_id(KEYS[2])
return {0, {}, next_ms, last_ids}
