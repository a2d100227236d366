-- Take a record out of the dead letters, and put it back on its stream; or, without fields, just take it out.
-- KEYS: dead-letter stream, stream. ARGV: the letter's id, the function that it is for ('': all that read the stream);
-- then field, value, ...
-- A function has its group on a stream from its first batch on. Without that the others would acknowledge the record.
-- Returns 1, 0 when the letter is not there (any more), or -1 when its function does not read the stream.
local dead, stream, id, reader = KEYS[1], KEYS[2], ARGV[1], ARGV[2]

local function is_read()
  if redis.call('EXISTS', stream) == 0 then
    return false
  end
  for _, info in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
    for i = 1, #info, 2 do
      if info[i] == 'name' and (reader == '' or info[i + 1] == reader) then
        return true
      end
    end
  end
  return false
end

if #redis.call('XRANGE', dead, id, id) == 0 then
  return 0
end
if #ARGV > 2 then
  if not is_read() then
    return -1
  end
  redis.call('XADD', stream, '*', unpack(ARGV, 3))
end
redis.call('XDEL', dead, id)
return 1
