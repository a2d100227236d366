-- Shared by the scripts that read orders: an order is what is kept of its steps, each laid over those before.
-- Returns the documents of an order as it was after step `sequence`, the first one first, and false for one that is not
-- there: all of them where the order has left Redis.
local commands = {} -- by sequence, made once for all orders that a script reads

local function steps_of(order_key, sequence)
  local command = commands[sequence]
  if not command then
    command = {'HMGET', order_key, 'order'} -- the release before kept an order whole
    for n = 1, sequence do
      command[n + 3] = 'step:' .. n
    end
    commands[sequence] = command
  end
  command[2] = order_key
  return redis.call(unpack(command))
end
