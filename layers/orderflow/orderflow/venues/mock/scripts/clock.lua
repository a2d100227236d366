-- Return the time of the node that holds KEYS[1], in milliseconds since 1970.
local time = redis.call('TIME')
return time[1] * 1000 + math.floor(time[2] / 1000)
