-- Have orders that rest be looked at otherwise: in other books, at another slot, with other marks. They take no step.
-- KEYS: the orders' hashes. ARGV, per order: id, its sequence, how it rests (see books), its marks.
-- One that has taken a step meanwhile is left alone.
-- requires: books
for i, order_key in ipairs(KEYS) do
  local id, sequence, book, marks = unpack(ARGV, i * 4 - 3, i * 4)
  local current, books = unpack(redis.call('HMGET', order_key, 'sequence', 'books'))
  if current == sequence and books then
    local prefix = string.match(order_key, '^{.-}:')
    leave_books(prefix, order_key, id, books)
    enter_books(prefix, order_key, id, book)
    redis.call('HSET', order_key, 'marks', marks)
  end
end
