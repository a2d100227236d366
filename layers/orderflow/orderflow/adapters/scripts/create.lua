-- Create each of many orders of a partition, once.
-- KEYS: timers, wake, status stream, first stage's stream, then per order its hash and its idempotency record.
-- ARGV: first stream's name, seconds to keep an idempotency record; then per order: id, event, order, fingerprint or ''.
-- Returns per order 1 (created), the id of the order that the same request made before, or -1 (its idempotency key
-- came with another request).
local outcome = {}
for i = 5, #KEYS, 2 do
  local n = (i - 3) / 2
  local a = 2 + (n - 1) * 4
  local id, fingerprint = ARGV[a + 1], ARGV[a + 4]
  local seen = fingerprint ~= '' and redis.call('GET', KEYS[i + 1])
  if seen then
    local first_fingerprint, first_id = string.match(seen, '^(%S+) (%S+)$')
    outcome[n] = first_fingerprint == fingerprint and first_id or -1
  else
    if fingerprint ~= '' then
      redis.call('SET', KEYS[i + 1], fingerprint .. ' ' .. id, 'EX', ARGV[2])
    end
    outcome[n] = transition(KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[i], ARGV[1],
      id, 1, 'pending', ARGV[a + 2], ARGV[a + 3], 0)
  end
end
return outcome
