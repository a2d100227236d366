-- Put messages on a stream, each after its delay.
-- KEYS: timers, wakes, stream. ARGV: stream's name; then per message: delay in ms, order.
-- requires: deliver
for a = 2, #ARGV, 2 do
  deliver(KEYS[1], KEYS[2], KEYS[3], ARGV[1], tonumber(ARGV[a]), 1, ARGV[a + 1])
end
