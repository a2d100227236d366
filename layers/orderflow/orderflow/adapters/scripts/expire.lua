-- Have keys expire. KEYS: the keys. ARGV: after how many ms.
for _, key in ipairs(KEYS) do
  redis.call('PEXPIRE', key, ARGV[1])
end
