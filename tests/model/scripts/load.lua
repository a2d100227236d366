-- Bring back a state of Redis that was saved. ARGV: the name of the state.
-- requires: changing_keys
redis.call('DEL', unpack(changing_keys()))
redis.call('SELECT', 1)
local state = cjson.decode(redis.call('GET', ARGV[1]))
for _, key in ipairs(state) do
  key[2] = redis.call('HGET', 'contents', key[2])
end
redis.call('SELECT', 0)
for _, key in ipairs(state) do
  redis.call('RESTORE', key[1], key[3], key[2])
end
