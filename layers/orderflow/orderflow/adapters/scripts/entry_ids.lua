-- Shared by the scripts that compare the ids of stream entries, `milliseconds-number` both.
local function earlier(a, b)
  local a_ms, a_n = string.match(a, '^(%d+)-(%d+)$')
  local b_ms, b_n = string.match(b, '^(%d+)-(%d+)$')
  if a_ms == b_ms then
    return tonumber(a_n) < tonumber(b_n)
  end
  return tonumber(a_ms) < tonumber(b_ms)
end
