-- Take a record out of the dead letters, and put it back on its stream; or, without fields, just take it out.
-- KEYS: dead-letter stream, stream. ARGV: the letter's id; then field, value, ...
-- Returns 1, or 0 when the letter is not there (any more).
if redis.call('XDEL', KEYS[1], ARGV[1]) == 0 then
  return 0
end
if #ARGV > 1 then
  redis.call('XADD', KEYS[2], '*', unpack(ARGV, 2))
end
return 1
