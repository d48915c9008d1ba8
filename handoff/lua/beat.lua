-- Note that these agents were heard of.
--
-- KEYS[1] presence   KEYS[2] seen
-- ARGV[1] now (ms)   ARGV[2…] agent ids
-- Returns those without a presence here (the server lost its data, or they were taken for gone): the caller
-- writes them anew.
-- Invariant: whoever has a presence has been seen.
local unknown = {}
for index = 2, #ARGV do
  if redis.call('HEXISTS', KEYS[1], ARGV[index]) == 1 then
    redis.call('ZADD', KEYS[2], 'GT', ARGV[1], ARGV[index])
  else
    unknown[#unknown + 1] = ARGV[index]
  end
end
return unknown
