internal import Redis

/// What the counters do in the store, each in one step. *Value.*
enum CounterScripts {
    /// Counts, and tells the sum over a window. KEYS[1] is the hash of one series: `b<number>` the count of ten seconds, `s<teller>` the
    /// last number that a teller used and when: what comes twice counts once. Of the bucket in which the window begins the part counts
    /// that lies in it. ARGV: teller, number, amount, milliseconds that are kept, window in milliseconds or 0.
    /// Reply: the sum, 0 without a window.
    static let count = RedisScript(
        """
        local time = redis.call('TIME')
        local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
        local bucket = math.floor(now / 10000)
        local keep, window = tonumber(ARGV[4]), tonumber(ARGV[5])
        local amount = tonumber(ARGV[3])
        local function text(n) return string.format('%.0f', n) end
        if amount > 0 then
          local told = redis.call('HGET', KEYS[1], 's' .. ARGV[1])
          local last = told and tonumber(string.match(told, '^(%d+) ')) or 0
          if tonumber(ARGV[2]) > last then
            local known = tonumber(redis.call('HGET', KEYS[1], 'b' .. text(bucket)) or '0') or 0
            redis.call('HSET', KEYS[1], 'b' .. text(bucket), text(math.min(known + amount, 1125899906842624)))
            redis.call('HSET', KEYS[1], 's' .. ARGV[1], ARGV[2] .. ' ' .. text(bucket))
          end
          redis.call('PEXPIRE', KEYS[1], text(keep + 20000))
        end
        if amount == 0 and window == 0 then return 0 end
        local sum = 0
        local from = now - window
        local all = redis.call('HGETALL', KEYS[1])
        for i = 1, #all, 2 do
          local field, value = all[i], all[i + 1]
          local number = tonumber(string.match(field, '^b(%d+)$') or string.match(value, '^%d+ (%d+)$'))
          if not number or number * 10000 + 10000 <= now - keep or number > bucket + 360 then
            redis.call('HDEL', KEYS[1], field)
          elseif window > 0 and string.sub(field, 1, 1) == 'b' then
            local start = number * 10000
            local share = math.min(1, math.max(0, (start + 10000 - from) / 10000))
            sum = sum + (tonumber(value) or 0) * share
          end
        end
        return math.floor(sum)
        """)

    /// Claims an action. KEYS[1] says who has it. ARGV: who asks, for how many milliseconds. Reply: 1 = it is the asker's.
    static let claim = RedisScript(
        """
        local owner = redis.call('GET', KEYS[1])
        if owner then
          if owner == ARGV[1] then return 1 end
          return 0
        end
        redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
        return 1
        """)
}
