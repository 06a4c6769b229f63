extension BucketScript {
    /// Rates, three kinds. 1 log: limits up to 64, exact. 2 slots: slow ones, one slot at a time. 3 stream: bandwidth by demand.
    static let rates = """
        local day = 86400000000000
        -- A fast clock makes a period short: kernels correct clocks by 500 ppm at most.
        local drift = 1.0005
        -- Another configuration of the same limit: the lower one rules while both are in use.
        local function rule(key, h, kind, L, P)
          local k, l, p, ac = n(h.k), n(h.L), n(h.P), n(h.ac)
          if k == kind and l == L and p == P then
            h.ac = v
            return L, P, kind
          end
          if k == 0 then
            h.k, h.L, h.P, h.ac = kind, L, P, v
            return L, P, kind
          end
          if L * p >= l * P and v - ac < 5000000 then return l, p, k end
          local stall = 0
          if k == 1 and kind ~= 1 then stall = w + p * drift end
          if kind == 1 and k ~= 1 then stall = w + P * drift end
          h.stall = max(n(h.stall), stall)
          h.tat = max(n(h.tat), w) + 4 * P / L
          h.k, h.L, h.P, h.ac = kind, L, P, v
          return L, P, kind
        end
        local function load(key)
          local h, all = {}, redis.call('HGETALL', key)
          for i = 1, #all, 2 do h[all[i]] = all[i + 1] end
          return h, all
        end
        local function save(key, h, names, ttl)
          local a = {}
          for _, name in ipairs(names) do
            local x = h[name]
            if x ~= nil then
              a[#a + 1] = name
              a[#a + 1] = type(x) == 'number' and s(x) or x
            end
          end
          redis.call('HSET', key, unpack(a))
          redis.call('PEXPIRE', key, s(ttl))
        end
        -- How many of a logged limit may have been spent from shares within the last period. A share of such a limit is only touched after a
        -- whole period of silence, so who was back sooner has spent nothing.
        local function away(L, P)
          local sum = 0
          for at, part, span in string.gmatch(lg, '(%d+):(%d+):(%d+)') do
            -- And some more: what was spent while the answer was under way.
            if n(at) + P + 1500000 > v and n(span) > 0.9 * P then sum = sum + n(part) end
          end
          return math.ceil(L * min(whole, max(sum, SS)) / whole)
        end
        -- The log holds `time:id` of every slot that was given out, in order: the last moment at which it may be used, and who has it. A slot is
        -- free a period after the L-th before it; it is given out up to half a second before that, so that no time is lost by asking. Where
        -- several want the limit, nobody has more than an even part of it in the log.
        local function logRate(key, L, P, D, want, back, unused)
          local h, all = load(key)
          local kind
          L, P, kind = rule(key, h, 1, L, P)
          P = P * drift
          if n(h.e) ~= E or n(h.e0) ~= e0 then
            -- The log was lost with an epoch before: what it held may still count for a whole period.
            if e0 > 0 then h.stall = max(n(h.stall), e0 + P) end
            h.log, h.e, h.e0 = '', E, e0
          end
          local mine = n(string.match(h['m:' .. node] or '', '^%S+'))
          if mine == 0 then
            mine = n(h.ids) + 1
            h.ids = mine
          end
          local users = 1
          for i = 1, #all, 2 do
            if string.sub(all[i], 1, 2) == 'm:' and all[i] ~= 'm:' .. node then
              if n(string.match(all[i + 1], '%S+$')) + 1500000 + min(P, 60000000) > v then users = users + 1 else redis.call('HDEL', key, all[i]) end
            end
          end
          local list = {}
          for x, id in string.gmatch(h.log or '', '(%d+):(%d+)') do
            if n(x) + P >= v then list[#list + 1] = {n(x), n(id)} end
          end
          for i = #list, 1, -1 do
            if unused > 0 and list[i][1] == back and list[i][2] == mine then
              table.remove(list, i)
              unused = unused - 1
            end
          end
          local room = L - away(L, P)
          local part = users > 1 and max(1, math.ceil(room / users)) or room
          local got, retry, ahead, close = 0, 0, w - v < 150000 and min(500000, P / 2) or 0, w + D
          local stall = n(h.stall)
          if kind ~= 1 or L > 64 then retry = 250000
          elseif not open then retry = max(0, qr - v)
          elseif stall > v then retry = stall - v
          elseif room < 1 then retry = 1000000
          else
            local first, free = nil, 0
            while got < want do
              -- When the next one is free, and when I may have it.
              local at = #list - room + got + 1
              free = at > #list and huge or at >= 1 and list[at][1] + P or 0
              local own, mayAt = got, 0
              for k = 1, #list do
                local o = list[k]
                if o[2] == mine and o[1] + P > free then
                  own = own + 1
                  if mayAt == 0 then mayAt = o[1] + P end
                end
              end
              if own >= part then
                free = max(free, mayAt)
                break
              end
              if free > w + ahead or first and free > max(first, w) + D / 4 then break end
              first = first or free
              got = got + 1
              -- It opens by v and closes by w: open for D in between.
              if free > 0 then close = max(free, w) + 1 + w - v + D end
            end
            if got < want then retry = free < huge and max(1000, free - ahead - v) or 1000000 end
            if got > 0 then
              local at = #list
              while at > 0 and list[at][1] > close do at = at - 1 end
              for _ = 1, got do table.insert(list, at + 1, {close, mine}) end
            end
          end
          local words = {}
          for i, o in ipairs(list) do words[i] = s(o[1]) .. ':' .. s(o[2]) end
          h.log = table.concat(words, ' ')
          h['m:' .. node] = s(mine) .. ' ' .. s(v)
          save(key, h, {'k', 'L', 'P', 'ac', 'stall', 'log', 'tat', 'e', 'e0', 'ids', 'm:' .. node}, (2 * P + 172800000000) / 1000)
          return {1, got, floor(close - w), floor(retry) + 1, floor(close), #list}
        end
        local function slotRate(key, L, P, D, want)
          local h = load(key)
          local kind
          L, P, kind = rule(key, h, 2, L, P)
          P = P * drift
          local gap = (P + D) / (L - 1)
          if SS >= whole then gap = huge else gap = math.ceil(gap * whole / (whole - SS)) end
          local tat = max(n(h.tat), w)
          if n(h.S) ~= SS then tat = tat + 4 * gap; h.S = SS end
          local ahead = 500000
          local got, retry, start = 0, 0, tat
          if kind ~= 2 then retry = 250000
          elseif not open then retry = max(0, qr - v)
          elseif n(h.stall) > v then retry = n(h.stall) - v
          elseif gap >= huge then retry = 1000000
          elseif tat > w + ahead then retry = tat - w - ahead
          else
            got = max(0, min(want, floor((w + ahead - tat) / gap) + 1))
            tat = tat + got * gap
          end
          h.tat = tat
          save(key, h, {'k', 'L', 'P', 'ac', 'stall', 'tat', 'S'}, (2 * P + 172800000000) / 1000)
          return {2, got, floor(start - v), gap >= huge and 0 or gap, floor(retry) + 1, floor(max(0, tat - v))}
        end
        -- What a holder of bandwidth counts for: what it was granted, or what it had before, whichever is more and has not run out.
        local function heldOf(text, at)
          local a, b, c, d, e, g, w = string.match(text, '^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+)$')
          if not a then return 0, 0, 0, 0 end
          return max(at <= n(b) and n(a) or 0, at <= n(d) and n(c) or 0), n(e), n(g), n(w)
        end
        -- Looks at every holder: how many, what they hold together, and the demand of each. Stale ones go.
        local function holdersOf(key)
          local all = redis.call('HGETALL', key)
          local holders, taken, list = 0, 0, {}
          for i = 1, #all, 2 do
            local who = string.match(all[i], '^n:(.*)$')
            if who and who ~= node then
              local held, demand, _, seen = heldOf(all[i + 1], v)
              if held > 0 or seen + 1500000 > v then
                taken = taken + held
                if held > 0 then holders = holders + 1 end
                list[#list + 1] = demand
              else
                redis.call('HDEL', key, all[i])
              end
            end
          end
          return holders, taken, list
        end
        -- Max-min: those who ask for less than an even part leave the rest to the others. Sorts the list; `round` makes whole parts.
        local function even(total, list, round)
          table.sort(list)
          local rest, left, level = total, #list, total
          for _, d in ipairs(list) do
            level = round and round(rest / left) or rest / left
            if d > level then break end
            rest, left = rest - d, left - 1
            if left == 0 then level = total end
          end
          return level
        end
        -- Many nodes ask, each of them often: all holders are looked at five times a second at most. In between their sum is kept, which can
        -- only be more than what they hold in truth, and the caller's own part of it is exchanged.
        local function streamRate(key, L, P, slack, ttl, have, haveLeft, demand)
          local q = redis.call('HMGET', key, 'k', 'L', 'P', 'ac', 'stall', 'tat', 'mm', 'mp', 'mu', 'wt', 'wn', 'sk', 'tk', 'hk', 'lv', 'n:' .. node)
          local h = {k = q[1] or nil, L = q[2] or nil, P = q[3] or nil, ac = q[4] or nil, stall = q[5] or nil, tat = q[6] or nil,
            mm = q[7] or nil, mp = q[8] or nil, mu = q[9] or nil, wt = q[10] or nil, wn = q[11] or nil}
          local kind
          L, P, kind = rule(key, h, 3, L, P)
          P = P * drift
          local waiting = n(h.wt) + 1000000 > v and h.wn ~= node
          local sk, holders, taken, list = n(q[12]), 0, 0, nil
          local mineSince = 0
          if q[16] then
            local held, _, since = heldOf(q[16], sk)
            mineSince = since
            holders, taken = n(q[14]) - (held > 0 and 1 or 0), n(q[13]) - held
          else
            holders, taken = n(q[14]), n(q[13])
          end
          if not q[12] or v < sk or v > sk + 200000 then
            holders, taken, list = holdersOf(key)
            sk = v
          end
          -- Few enough that the edges of their windows cost little, and that each has a slot a second.
          local most = max(1, min(floor(L / 20), floor(L * 1000000 / P), 256))
          local here = holders + 1 + RR
          -- The most streams of this period and of the one before.
          if v > n(h.mu) then h.mp, h.mm, h.mu = n(h.mm), here, w + P end
          h.mm = max(n(h.mm), here)
          local total = max(0, floor((L - max(h.mm, n(h.mp)) - 1) * day / (P + slack)))
          total = floor(total * max(0, whole - SS) / whole)
          if haveLeft <= 0 then have = 0 end
          local level = n(q[15])
          if list then
            if have > 0 or holders < most then list[#list + 1] = demand end
            level = even(total, list)
          end
          local retry, got, asks = 0, 0, false
          if kind ~= 3 then retry = 250000
          elseif not open then retry = max(0, qr - v)
          elseif n(h.stall) > v then retry = n(h.stall) - v
          elseif have == 0 and holders >= most then
            h.wt, h.wn = v, node
            retry = 250000
          elseif have > 0 and waiting and holders + 1 >= most and v - mineSince > max(1000000, 10 * day / have) then
            retry = 500000
          else
            asks = true
            local target = min(demand, level)
            got = floor(max(0, min(target, total - taken)))
            -- Who comes first leaves half of it to those who come a moment later, and has the rest with the next question.
            if have == 0 then got = min(got, math.ceil(max(0, total - taken) / 2)) end
            if got < target * 0.9 then retry = 100000 end
          end
          local since = (have > 0 and mineSince > 0) and mineSince or v
          if asks or have > 0 then
            -- The caller may go on with what it has until it reads this answer, or until that runs out.
            redis.call('HSET', key, 'n:' .. node, table.concat({s(got), s(got > 0 and w + ttl or 0), s(have),
              s(have > 0 and w + haveLeft or 0), s(demand), s(since), s(asks and v or 0)}, ' '))
            taken = taken + max(got, have)
            if max(got, have) > 0 then holders = holders + 1 end
          else
            redis.call('HDEL', key, 'n:' .. node)
          end
          h.sk, h.tk, h.hk, h.lv = sk, taken, holders, level
          save(key, h, {'k', 'L', 'P', 'ac', 'stall', 'tat', 'mm', 'mp', 'mu', 'wt', 'wn', 'sk', 'tk', 'hk', 'lv'}, (2 * P + 172800000000) / 1000)
          return {3, got, ttl, floor(retry), total, taken}
        end

        """
}
