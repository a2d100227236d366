-- Have orders that rest be looked at otherwise: in other books, at another slot, with other marks. They take no step.
-- KEYS: the orders' hashes. ARGV, per order: id, its sequence, how it rests (see books), its marks, the slot of these.
-- One that has taken a step meanwhile, or has marks of a later slot, is left alone, but for a watermark that has risen.
-- requires: books
for i, order_key in ipairs(KEYS) do
  local id, sequence, book, marks, slot = unpack(ARGV, i * 5 - 4, i * 5)
  local current, books, known = unpack(redis.call('HMGET', order_key, 'sequence', 'books', 'marks'))
  local is_late = known and (cjson.decode(known).slot or -1) > tonumber(slot)
  local prefix = string.match(order_key, '^{.-}:')
  if current == sequence and books and not is_late then
    leave_books(prefix, order_key, id, books)
    enter_books(prefix, order_key, id, book)
    redis.call('HSET', order_key, 'marks', marks)
  elseif books then
    raise_watermark(prefix, order_key, id, known or '{}', marks)
  end
end
