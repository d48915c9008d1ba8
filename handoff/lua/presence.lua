-- Write what an agent says of themselves, and that they were heard of now.
--
-- KEYS[1] presence   KEYS[2] seen
-- ARGV[1] agent id   ARGV[2] JSON {v, status, reason, capacity, since_ms}   ARGV[3] now (ms)
-- Returns 1.
-- Invariant: whoever has a presence has been seen.
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('ZADD', KEYS[2], 'GT', ARGV[3], ARGV[1])
return 1
