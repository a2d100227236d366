-- Ask for an order's statuses by an entry in the status stream, where its place among the events is settled.
-- KEYS: status stream, then each order's hash. ARGV: least ms that the order must still live; then per order: id,
-- connection, action. Returns per order 1 (asked) or 0 (the order is not, or not for long, in Redis).
local asked = {}
for i = 2, #KEYS do
  local a = 1 + (i - 2) * 3
  local left = redis.call('PTTL', KEYS[i])
  if left == -1 or left >= tonumber(ARGV[1]) then
    redis.call('XADD', KEYS[1], '*', 'order_id', ARGV[a + 1], 'connection_id', ARGV[a + 2], 'action', ARGV[a + 3])
    asked[i - 1] = 1
  else
    asked[i - 1] = 0
  end
end
return asked
