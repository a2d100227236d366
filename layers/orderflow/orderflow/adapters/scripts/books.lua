-- Shared by the scripts by which orders come to rest, and leave again.
-- Where an order rests: in `resting`, by the slot in which to look at it whatever the prices are; in `expiries`, by the
-- time at which it expires, also while it is under way, until it ends; and in books, each the orders of one rule and
-- directed pair by the price that fires them.
-- `books` has, of each that holds some, the price that is reached first; those that an order is in are a field of its
-- hash: leaving needs no more. Books of orders that wait for launches are by token, and reached by no price; so are
-- those of orders that trade a launched token, `closing:`, but these are in `books`.
-- What has fired is in `fired`, by the slot in which it did, until its attempt ends; that is a field of its hash, too.
-- The keys are named here only, by `prefix`: they lie in the same hash slot as all others of the partition.
-- `book` is `slot time name=price name=price ...`, `-` standing for no time; of what fires `slot member`.
local function note_first(prefix, name)
  if string.find(name, '^launch:') then
    return
  end
  local range = string.find(name, '^fall:') and 'ZREVRANGE' or 'ZRANGE'
  local price = redis.call(range, prefix .. 'book:' .. name, 0, 0, 'WITHSCORES')[2]
  if price then
    redis.call('HSET', prefix .. 'books', name, price)
  else
    redis.call('HDEL', prefix .. 'books', name)
  end
end

local function leave_books(prefix, order_key, id, books)
  for name in string.gmatch(books, '%S+') do
    redis.call('ZREM', prefix .. 'book:' .. name, id)
    note_first(prefix, name)
  end
  redis.call('ZREM', prefix .. 'resting', id)
  redis.call('HDEL', order_key, 'books', 'marks')
end

local function enter_books(prefix, order_key, id, book)
  local slot, time, entries = string.match(book, '^(%S+) (%S+)(.*)$')
  local names = {}
  for name, price in string.gmatch(entries, '(%S+)=(%S+)') do
    redis.call('ZADD', prefix .. 'book:' .. name, price, id)
    note_first(prefix, name)
    names[#names + 1] = name
  end
  redis.call('ZADD', prefix .. 'resting', slot, id)
  redis.call('HSET', order_key, 'books', table.concat(names, ' '))
  if time ~= '-' then
    redis.call('HSET', order_key, 'expires', time)
    redis.call('ZADD', prefix .. 'expiries', time, id .. ' 1')
    if redis.call('ZRANGE', prefix .. 'expiries', 0, 0)[1] == id .. ' 1' then
      redis.call('XADD', prefix .. 'wakes', 'MAXLEN', 1, '*', 'due', time)
    end
  end
end

-- Have an order that rests keep the higher watermark, of the marks that are `known` of it or of others: one that was
-- amended, or has later marks, has not seen the price of a tick that was looked at meanwhile. As its books know nothing
-- of that, the next tick finds it whatever its prices are. (Text, since cjson would round the numbers.)
local function raise_watermark(prefix, order_key, id, known, marks)
  local held, risen = string.match(known, '"watermark":([^,}]+)'), string.match(marks, '"watermark":([^,}]+)')
  if not risen or held and tonumber(held) >= tonumber(risen) then
    return
  end
  local others = string.sub(string.gsub(known, '"watermark":[^,}]+,?', ''), 2)
  local look = string.find(others, '"look_slot"') and '' or ',"look_slot":0'
  local comma = others == '}' and '' or ','
  redis.call('HSET', order_key, 'marks', '{"watermark":' .. risen .. look .. comma .. others)
  if redis.call('ZSCORE', prefix .. 'resting', id) == 'inf' then
    redis.call('ZADD', prefix .. 'resting', 0, id)
  end
end

local function enter_fired(prefix, order_key, book)
  local slot, member = string.match(book, '^(%S+) (.+)$')
  redis.call('ZADD', prefix .. 'fired', slot, member)
  redis.call('HSET', order_key, 'fired', member)
end

local function leave_fired(prefix, order_key, member)
  redis.call('ZREM', prefix .. 'fired', member)
  redis.call('HDEL', order_key, 'fired')
end
