-- Take one step of each of many orders of a partition, or several in turn: all of a step happens, or nothing. Where the
-- first of steps that are to be taken together is not taken the others are not either: the order has gone another way.
-- An order may be there twice, by a message that came again and by its latest one: these have nothing to do with each
-- other.
-- KEYS: timers, wakes, status stream, next stage's stream, then each order's hash.
-- ARGV, per order: id, its new sequence, status, step, next stream's name or '', delay in ms, how it rests or
-- fires or '', the order to create with it or '', 1 if it is taken only where the step before it was, else 0.
-- Returns per order 1 (taken), 0 (stale: the order is not at the step before) or 2 (its end was requested meanwhile).
-- requires: deliver
local taken = {}
for i = 5, #KEYS do
  local a = (i - 5) * 9
  local before = ARGV[a + 9] == '1' and taken[i - 5] or 1
  taken[i - 4] = before ~= 1 and before or transition(KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[i], ARGV[a + 5],
    ARGV[a + 1], ARGV[a + 2], ARGV[a + 3], ARGV[a + 4], ARGV[a + 6], ARGV[a + 7], ARGV[a + 8])
end
return taken
