-- Put failed records of a stage's stream to rest in the timer set, to be tried again after a delay.
-- KEYS: timers, wakes, stream. ARGV: group, stream's name; then per record: id, next attempt, delay in ms, order.
-- A record that this group no longer holds was dealt with by another lease holder, and stays so.
-- requires: deliver, trim
local due_from = now_ms()
for a = 3, #ARGV, 4 do
  if redis.call('XACK', KEYS[3], ARGV[1], ARGV[a]) == 1 then
    rest(KEYS[1], KEYS[2], due_from + ARGV[a + 2], ARGV[2], ARGV[a + 1], ARGV[a + 3])
  end
end
trim(KEYS[3])
