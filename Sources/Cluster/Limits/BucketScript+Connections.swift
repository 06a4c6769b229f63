extension BucketScript {
    /// Connection limits. A node's block: `granted until since wait want seen inc`. `fv fw fs`: since when everything is out, how many waited
    /// then, and how many permits were out.
    static let connections = """
        local function block(text)
          local a, b, c, d, e, g, x = string.match(text, '^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+)$')
          return {g = n(a), u = n(b), since = n(c), wait = n(d), want = n(e), seen = n(g), inc = x}
        end
        local function keep(key, o)
          redis.call('HSET', key, 'n:' .. node,
            table.concat({s(o.g), s(o.u), s(o.since), s(o.wait), s(o.want), s(o.seen), o.inc}, ' '))
        end
        -- Those who wait while everything is out ask often, and many may wait: what was seen a moment ago answers them too, as long as nothing
        -- has come back.
        local function stillFull(key, want, use)
          if use > 0 or want < 1 or leaving or v < qc then return nil end
          local q = redis.call('HMGET', key, 'fv', 'fw', 'fs', 'n:' .. node)
          if n(q[1]) <= 0 or not q[4] or v < n(q[1]) or v > n(q[1]) + 200000 then return nil end
          local o = block(q[4])
          if o.inc ~= inc or o.g > 0 or o.wait == 0 then return nil end
          o.want, o.seen = want, v
          keep(key, o)
          return {4, 0, 0, n(q[2]), n(q[3]), floor(v - o.wait)}
        end
        local function conns(key, C, want, use, done)
          local short = stillFull(key, want, use)
          if short then return short end
          local all = redis.call('HGETALL', key)
          local sum, list, mine = 0, {}, nil
          local owed = 0
          for i = 1, #all, 2 do
            local who = string.match(all[i], '^n:(.*)$')
            if who then
              local o = block(all[i + 1])
              if who == node then
                mine = o
                if o.inc ~= inc then
                  -- The former process is dead and its sockets with it; the other end may still count them for a while.
                  if crashHold > 0 and o.g > 0 then
                    redis.call('HSET', key, 'n:' .. node .. '#' .. o.inc,
                      table.concat({s(o.g), s(w + crashHold), s(v), '0', '0', '0', o.inc}, ' '))
                    sum = sum + o.g
                  end
                  mine = nil
                end
              elseif v > o.u + crashHold then
                redis.call('HDEL', key, all[i])
              else
                sum = sum + o.g
                if o.want > 0 and o.seen + 3000000 > v or o.g > 0 then
                  o.who = who
                  list[#list + 1] = o
                end
              end
            end
          end
          local got, yield, waiters = 0, 0, 0
          local room = max(0, C - sum)
          local wait, since = mine and mine.wait or 0, mine and mine.since or 0
          local queue = {}
          for _, o in ipairs(list) do
            if o.g == 0 and o.want > 0 and o.seen + 3000000 > v then
              waiters = waiters + 1
              queue[waiters] = o
            end
          end
          if leaving then
            -- A connection that is still open stays counted, and nothing is wanted any more.
            got = min(use, room)
            want = got
          elseif v < qc then
            -- Learning: nothing new. What is in use is believed.
            got = use
          else
            -- Max-min in whole permits: who wants less than an even part leaves the rest.
            local wants = {}
            for _, o in ipairs(list) do wants[#wants + 1] = max(o.want, o.g > 0 and 1 or 0) end
            if want > 0 then wants[#wants + 1] = want end
            local level = even(C, wants, floor)
            if level >= 1 then
              for _, o in ipairs(list) do
                if o.seen + 3000000 > v then owed = owed + max(0, min(o.want, level) - o.g) end
              end
              local allowed = min(want, max(min(want, level), min(level + 1, room - owed)))
              got = max(min(room, max(use, allowed)), min(use, mine and v <= mine.u and mine.g or 0))
              if use > allowed then yield = use - allowed end
            else
              local before = 0
              for _, o in ipairs(list) do
                if o.g == 0 and o.wait > 0 and o.seen + 3000000 > v and (wait == 0 or o.wait < wait) then before = before + 1 end
              end
              local held = mine and v <= mine.u and mine.g or 0
              if held > 0 or use > 0 then
                local out = waiters > room - max(use, held) and (done or v - since > quantum)
                local allowed = (out or want == 0) and 0 or 1
                got = min(room, max(use, allowed))
                yield = max(0, use - allowed)
              elseif want > 0 and before < room then
                got = 1
              end
            end
          end
          if got > 0 and not (mine and mine.g > 0) then since = v end
          if want > 0 and got == 0 then
            if wait == 0 then wait = v end
          else
            wait = 0
          end
          if got > 0 or want > 0 then
            keep(key, {g = got, u = w + permitTTL, since = since, wait = wait, want = want, seen = v, inc = inc})
          else
            redis.call('HDEL', key, 'n:' .. node)
          end
          local isFull = want > 0 and got == 0 and room <= 0 and waiters > 15
          redis.call('HSET', key, 'C', s(C), 'fv', isFull and s(v) or '-1', 'fw', s(waiters), 'fs', s(sum + got))
          if waiters > 0 and room > got and (got < (mine and mine.g or 0) or want > 0 and got == 0) then
            -- A hint for those whose turn it is. Nothing depends on it: who does not hear it asks again soon.
            table.sort(queue, function(a, b) return a.wait < b.wait end)
            local names = {}
            for i = 1, min(waiters, max(0, room - got), 8) do names[i] = queue[i].who end
            if #names > 0 then redis.pcall('PUBLISH', K[1] .. ':wake', table.concat(names, ' ')) end
          end
          redis.call('PEXPIRE', key, s((permitTTL + crashHold) / 1000 + 172800000))
          return {4, got, yield, waiters, sum + got, floor(wait > 0 and v - wait or 0)}
        end

        """
}
