-- Move records to the dead-letter stream.
-- KEYS: stream, dead-letter stream. ARGV: group, number of arguments per record; then per record: id, field, value, ...
-- A record that this group no longer holds was settled by another owner, and stays so.
-- requires: trim
local per_record = tonumber(ARGV[2])
for a = 3, #ARGV, per_record do
  if redis.call('XACK', KEYS[1], ARGV[1], ARGV[a]) == 1 then
    redis.call('XADD', KEYS[2], '*', unpack(ARGV, a + 1, a + per_record - 1))
  end
end
trim(KEYS[1])
