-- Load orders, each as it was after one of its steps. KEYS: their hashes. ARGV: the numbers of those steps.
-- Returns per order its documents, and false for each that is not there.
-- requires: steps_of
local orders = {}
for i = 1, #KEYS do
  orders[i] = steps_of(KEYS[i], tonumber(ARGV[i]))
end
return orders
