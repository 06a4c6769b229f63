/// The script of the stand-in: simple slot leases and block leases, closed in an outage. *Value.*
///
/// It knows nothing of clock steps, shares, fairness or bursts; histories for it leave clock steps out.
enum StandInScript {
    /// The text, with a planted bug or without.
    static func text(_ defects: Set<Defect>) -> String {
        """
        local t = redis.call('TIME')
        local now = t[1] * 1000000 + t[2]
        local state = redis.call('HMGET', KEYS[1], 'run', 'quiet', 'open')
        local quiet, open = tonumber(state[2] or 0), tonumber(state[3] or 0)
        if state[1] ~= ARGV[1]\(defects.contains(.blindScript) ? " and not state[1]" : "") then
          redis.call('DEL', KEYS[1])
          for i = 2, #KEYS do redis.call('DEL', KEYS[i]) end
          open = now\(defects.contains(.noQuiet) ? "" : " + 3000000")
          quiet = now\(defects.contains(.noQuiet) ? "" : " + ARGV[5] * 1.01")
          redis.call('HSET', KEYS[1], 'run', ARGV[1], 'quiet', string.format('%.0f', quiet), 'open', string.format('%.0f', open))
        end
        local era = ARGV[1] .. string.format('%.0f', quiet)
        local out = {}
        for i = 2, #KEYS do
          local at = 6 + (i - 2) * 4
          local kind, a, b, c = ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
          if redis.call('HGET', KEYS[i], 'era') ~= era then
            redis.call('DEL', KEYS[i])
            redis.call('HSET', KEYS[i], 'era', era)
          end
          if kind == 'r' then
            local tat = math.max(tonumber(redis.call('HGET', KEYS[i], 'tat') or 0), now)
            local n = math.min(b, math.floor((now + c - tat) / a))
            if now < open then n = 0 end
            n = math.max(0, n)
            redis.call('HSET', KEYS[i], 'tat', string.format('%.0f', tat + n * a))
            out[#out + 1] = n
            out[#out + 1] = tat - now
          else
            local all, used, mine, seq = redis.call('HGETALL', KEYS[i]), 0, 0, 0
            for j = 1, #all, 2 do
              local g, e, s = string.match(all[j + 1], '^(%d+) (%d+) (%d+)$')
              if g then
                if all[j] == ARGV[2] then
                  mine, seq = tonumber(g), tonumber(s)
                elseif tonumber(e) < now then
                  redis.call('HDEL', KEYS[i], all[j])
                else
                  used = used + tonumber(g)
                end
              end
            end
            local n = math.max(0, math.min(b, a - used))
            if now < quiet then n = 0 end
            if seq > tonumber(ARGV[3])\(defects.contains(.oldRequest) ? " and false" : "") then
              n = 0
            elseif n > 0 or b == 0 then
              redis.call('HSET', KEYS[i], ARGV[2], string.format('%.0f %.0f %s', n, now + ARGV[5], ARGV[3]))
            end
            out[#out + 1] = n
            out[#out + 1] = 0
          end
          redis.call('PEXPIRE', KEYS[i], 600000)
        end
        redis.call('PEXPIRE', KEYS[1], 600000)
        return out
        """
    }
}
