-- Take one step of each of many orders of a partition, or several in turn: all of a step happens, or nothing. Where an
-- order's step is not taken those right behind it are not either: they are of an order that has gone another way.
-- KEYS: timers, wakes, status stream, next stage's stream, then each order's hash.
-- ARGV, per order: id, its new sequence, status, step, next stream's name or '', delay in ms, how it rests or
-- fires or '', the order to create with it or ''.
-- Returns per order 1 (taken), 0 (stale: the order is not at the step before) or 2 (its end was requested meanwhile).
-- requires: deliver
local taken = {}
for i = 5, #KEYS do
  local a = (i - 5) * 8
  local before = KEYS[i] == KEYS[i - 1] and taken[i - 5] or 1
  taken[i - 4] = before ~= 1 and before or transition(KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[i], ARGV[a + 5],
    ARGV[a + 1], ARGV[a + 2], ARGV[a + 3], ARGV[a + 4], ARGV[a + 6], ARGV[a + 7], ARGV[a + 8])
end
return taken
