-- Find the orders that a tick may fire: those that its prices reach, best price first, and those whose slot has come.
-- KEYS: `books`. ARGV: the slot, at most how many orders of each book, how many by their slot; then per pair: its name,
-- the best price, the reference price.
-- Returns per order its marks, the end that was requested, and its steps.
-- requires: steps_of
local prefix = string.match(KEYS[1], '^{.-}:')
local prices = {}
for a = 4, #ARGV, 3 do
  prices[ARGV[a]] = {ARGV[a + 1], ARGV[a + 2]}
end

local ids, seen = {}, {}
local function add(found)
  for _, id in ipairs(found) do
    if not seen[id] then
      seen[id] = true
      ids[#ids + 1] = id
    end
  end
end

for _, name in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  local rule, pair = string.match(name, '^(%a+):(.*)$')
  local of_pair = prices[pair]
  if of_pair and rule == 'fall' then
    add(redis.call('ZREVRANGEBYSCORE', prefix .. 'book:' .. name, '+inf', of_pair[2], 'LIMIT', 0, ARGV[2]))
  elseif of_pair then
    local price = of_pair[rule == 'limit' and 1 or 2]
    add(redis.call('ZRANGEBYSCORE', prefix .. 'book:' .. name, '-inf', price, 'LIMIT', 0, ARGV[2]))
  end
end
add(redis.call('ZRANGEBYSCORE', prefix .. 'resting', '-inf', ARGV[1], 'LIMIT', 0, ARGV[3]))

local found = {}
for n, id in ipairs(ids) do
  local order_key = prefix .. 'order:' .. id
  local sequence, marks, ending = unpack(redis.call('HMGET', order_key, 'sequence', 'marks', 'ending'))
  found[n] = {marks, ending, steps_of(order_key, tonumber(sequence))}
end
return found
