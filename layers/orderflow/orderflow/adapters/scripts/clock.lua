-- Return the time of the node that holds KEYS[1], in milliseconds since 1970.
-- requires: time
return now_ms()
