-- Find the orders that a tick may fire: those of the books that its prices reach, best price first, of those who wait
-- for its launches, and those whose slot has come.
-- KEYS: `books`. ARGV: the slot, at most how many orders of each book, how many by their slot, how many messages may
-- wait at the stages with the orders of a book that are found by their limit, how many of these however many wait; then
-- per book its name, and the price up to which, or of a `fall:` down to which, it is reached, '' where that is by none.
-- Returns per order its marks, the end that was requested, and its steps.
-- requires: steps_of
local prefix = string.match(KEYS[1], '^{.-}:')
local slot, per_book, by_slot, room, least_limits = unpack(ARGV, 1, 5)

local waiting = 0
for _, stream in ipairs({'route', 'build', 'submit', 'confirm'}) do
  waiting = waiting + redis.call('XLEN', prefix .. stream)
end
local most_limits = math.max(room - waiting, least_limits)

local ids, seen = {}, {}
local function add(found)
  for _, id in ipairs(found) do
    if not seen[id] then
      seen[id] = true
      ids[#ids + 1] = id
    end
  end
end

for i = 6, #ARGV, 2 do
  local name, price, book = ARGV[i], ARGV[i + 1], prefix .. 'book:' .. ARGV[i]
  if price == '' then
    add(redis.call('ZRANGE', book, 0, per_book - 1))
  elseif string.find(name, '^fall:') then
    add(redis.call('ZREVRANGEBYSCORE', book, '+inf', price, 'LIMIT', 0, per_book))
  else
    local most = string.find(name, '^limit:') and most_limits or per_book
    add(redis.call('ZRANGEBYSCORE', book, '-inf', price, 'LIMIT', 0, most))
  end
end
add(redis.call('ZRANGEBYSCORE', prefix .. 'resting', '-inf', slot, 'LIMIT', 0, by_slot))

local found = {}
for _, id in ipairs(ids) do
  local order_key = prefix .. 'order:' .. id
  local sequence, marks, ending = unpack(redis.call('HMGET', order_key, 'sequence', 'marks', 'ending'))
  if sequence then -- one without a hash must not keep the others from firing
    found[#found + 1] = {marks, ending, steps_of(order_key, tonumber(sequence))}
  end
end
return found
