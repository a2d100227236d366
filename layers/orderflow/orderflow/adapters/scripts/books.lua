-- Shared by the scripts by which orders come to rest, and leave again.
-- Where an order rests: in `resting`, by the slot in which to look at it whatever the prices are; in `expiries`, by the
-- time at which it expires; and in books, each the orders of one rule and directed pair by the price that fires them.
-- `books` names those that hold some; those that an order is in are a field of its hash: leaving needs no more.
-- The keys are named here only, by `prefix`: they lie in the same hash slot as all others of the partition.
-- `book` is `slot time name=price name=price ...`, `-` standing for no time.
local function leave_books(prefix, order_key, id, books)
  for name in string.gmatch(books, '%S+') do
    local book = prefix .. 'book:' .. name
    redis.call('ZREM', book, id)
    if redis.call('EXISTS', book) == 0 then
      redis.call('SREM', prefix .. 'books', name)
    end
  end
  redis.call('ZREM', prefix .. 'resting', id)
  redis.call('HDEL', order_key, 'books', 'marks')
end

local function enter_books(prefix, order_key, id, book)
  local slot, time, entries = string.match(book, '^(%S+) (%S+)(.*)$')
  local names = {}
  for name, price in string.gmatch(entries, '(%S+)=(%S+)') do
    redis.call('ZADD', prefix .. 'book:' .. name, price, id)
    redis.call('SADD', prefix .. 'books', name)
    names[#names + 1] = name
  end
  redis.call('ZADD', prefix .. 'resting', slot, id)
  redis.call('HSET', order_key, 'books', table.concat(names, ' '))
  if time ~= '-' then
    redis.call('ZADD', prefix .. 'expiries', time, id .. ' 1')
    if redis.call('ZRANGE', prefix .. 'expiries', 0, 0)[1] == id .. ' 1' then
      redis.call('XADD', prefix .. 'wakes', 'MAXLEN', 1, '*', 'due', time)
    end
  end
end
