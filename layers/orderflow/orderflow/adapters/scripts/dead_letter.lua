-- Move a record to the dead-letter stream.
-- KEYS: stream, dead-letter stream. ARGV: group, the record's id; then field, value, ...
-- A record that this group no longer holds was dealt with by another lease holder, and stays so.
-- requires: trim
if redis.call('XACK', KEYS[1], ARGV[1], ARGV[2]) == 1 then
  redis.call('XADD', KEYS[2], '*', unpack(ARGV, 3))
end
trim(KEYS[1])
