-- Remove a stream's entries up to the first that some group has not acknowledged or not yet read (decision 0008).
-- requires: entry_ids
local function after(id)
  local ms, n = string.match(id, '^(%d+)-(%d+)$')
  return ms .. '-' .. string.format('%.0f', tonumber(n) + 1)
end

local function trim(stream)
  local keep_from
  for _, info in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
    local group = {}
    for i = 1, #info, 2 do
      group[info[i]] = info[i + 1]
    end
    local needed = after(group['last-delivered-id'])
    if group['pending'] > 0 then
      needed = redis.call('XPENDING', stream, group['name'])[2]
    end
    if not keep_from or earlier(needed, keep_from) then
      keep_from = needed
    end
  end
  redis.call('XTRIM', stream, 'MINID', keep_from)
end
