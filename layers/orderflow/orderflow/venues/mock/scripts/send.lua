-- Hand transactions to the mock chain. A signature is accepted once: sending it again changes nothing.
-- KEYS: timers, wakes, transaction stream, then each signature's result. ARGV: stream's name; then per transaction:
-- delay in ms until it lands, and the order that it executes. Returns the places of those that have a result already.
-- requires: deliver
local with_result = {}
for i = 4, #KEYS do
  local a = 1 + (i - 4) * 2
  if redis.call('SETNX', KEYS[i], '') == 1 then
    deliver(KEYS[1], KEYS[2], KEYS[3], ARGV[1], tonumber(ARGV[a + 1]), 1, ARGV[a + 2])
  elseif redis.call('GET', KEYS[i]) ~= '' then
    with_result[#with_result + 1] = i - 4
  end
end
return with_result
