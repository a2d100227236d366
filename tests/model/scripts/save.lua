-- Keep the state of Redis in another of its databases. A key's content is stored once for all states that share it.
-- ARGV: the name of the state.
-- requires: changing_keys
local state = {}
for _, name in ipairs(changing_keys()) do
  local content = redis.call('DUMP', name)
  local mark = redis.sha1hex(content)
  redis.call('SELECT', 1)
  redis.call('HSETNX', 'contents', mark, content)
  redis.call('SELECT', 0)
  state[#state + 1] = {name, mark, math.max(redis.call('PTTL', name), 0)}
end
redis.call('SELECT', 1)
redis.call('SET', ARGV[1], cjson.encode(state))
redis.call('SELECT', 0)
