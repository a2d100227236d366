-- Find the orders that a tick may fire: those that its prices reach, best price first, those that wait for a launch of
-- it, and those whose slot has come.
-- KEYS: `books`. ARGV: the tick as JSON, at most how many orders of each book, how many by their slot, how many
-- messages may wait at the stages with the orders of a book that are found by their limit, how many of these however
-- many wait.
-- Returns per order its marks, the end that was requested, and its steps.
-- requires: steps_of
local prefix = string.match(KEYS[1], '^{.-}:')
local tick = cjson.decode(ARGV[1])

local waiting = 0
for _, stream in ipairs({'route', 'build', 'submit', 'confirm'}) do
  waiting = waiting + redis.call('XLEN', prefix .. stream)
end
local most_limits = math.max(ARGV[4] - waiting, ARGV[5])

local ids, seen = {}, {}
local function add(found)
  for _, id in ipairs(found) do
    if not seen[id] then
      seen[id] = true
      ids[#ids + 1] = id
    end
  end
end

local first, books = {}, redis.call('HGETALL', KEYS[1])
for i = 1, #books, 2 do
  first[books[i]] = tonumber(books[i + 1])
end
for pair, prices in pairs(tick.prices) do
  local best, reference = unpack(prices)
  local limit, rise, fall = 'limit:' .. pair, 'rise:' .. pair, 'fall:' .. pair
  if first[limit] and first[limit] <= best then
    add(redis.call('ZRANGEBYSCORE', prefix .. 'book:' .. limit, '-inf', best, 'LIMIT', 0, most_limits))
  end
  if first[rise] and first[rise] <= reference then
    add(redis.call('ZRANGEBYSCORE', prefix .. 'book:' .. rise, '-inf', reference, 'LIMIT', 0, ARGV[2]))
  end
  if first[fall] and first[fall] >= reference then
    add(redis.call('ZREVRANGEBYSCORE', prefix .. 'book:' .. fall, '+inf', reference, 'LIMIT', 0, ARGV[2]))
  end
end
for _, launch in ipairs(tick.launches or {}) do
  for _, name in ipairs({launch.token.mint, launch.quote}) do
    add(redis.call('ZRANGE', prefix .. 'book:launch:' .. name, 0, ARGV[2] - 1))
  end
end
add(redis.call('ZRANGEBYSCORE', prefix .. 'resting', '-inf', tick.slot, 'LIMIT', 0, ARGV[3]))

local found = {}
for _, id in ipairs(ids) do
  local order_key = prefix .. 'order:' .. id
  local sequence, marks, ending = unpack(redis.call('HMGET', order_key, 'sequence', 'marks', 'ending'))
  if sequence then -- one without a hash must not keep the others from firing
    found[#found + 1] = {marks, ending, steps_of(order_key, tonumber(sequence))}
  end
end
return found
