-- Shared by the scripts after which connections watch an order no longer.
-- The sets of what they watch are named here only, by `prefix`: they lie in the same hash slot as all other keys.
local function watches_no_longer(prefix, order, connection)
  redis.call('SREM', prefix .. connection, string.match(order, ':order:(.*)$'))
end

local function nobody_watches(prefix, order, watchers)
  for _, connection in ipairs(redis.call('HKEYS', watchers)) do
    watches_no_longer(prefix, order, connection)
  end
end
