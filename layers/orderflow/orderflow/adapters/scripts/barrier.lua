-- Write something behind all that was written before: a replica that has it has all of that.
-- KEYS: barrier, then what must be there. ARGV, per key: a field of its hash and the least number it must hold, or the
-- least length of a text there; or '' and the least length of its string.
-- Returns the first key that is not there, or ''.
redis.call('SET', KEYS[1], '')
for i = 2, #KEYS do
  local field, least = ARGV[i * 2 - 3], tonumber(ARGV[i * 2 - 2])
  local there
  if field == '' then
    there = redis.call('EXISTS', KEYS[i]) == 1 and redis.call('STRLEN', KEYS[i]) >= least
  else
    local value = redis.call('HGET', KEYS[i], field)
    there = value and (tonumber(value) or #value) >= least
  end
  if not there then
    return KEYS[i]
  end
end
return ''
