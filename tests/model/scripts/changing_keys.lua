-- Shared by the scripts that keep states of Redis: all keys but the opening market, which never changes.
local function changing_keys()
  local names = {}
  for _, name in ipairs(redis.call('KEYS', '*')) do
    if name ~= '{chain}:opening' then
      names[#names + 1] = name
    end
  end
  return names
end
