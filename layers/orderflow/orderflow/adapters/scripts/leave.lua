-- End the subscriptions of connections that are closed.
-- KEYS: status stream, then per connection the set of the orders and feeds that it watches here, and those that it was
-- answered of.
-- ARGV: the connections.
for n, connection in ipairs(ARGV) do
  local watched, answered = KEYS[2 * n], KEYS[2 * n + 1]
  for _, id in ipairs(redis.call('SMEMBERS', watched)) do
    redis.call('XADD', KEYS[1], '*', 'order_id', id, 'connection_id', connection, 'action', 'unsubscribe')
  end
  redis.call('DEL', watched, answered)
end
return ARGV
