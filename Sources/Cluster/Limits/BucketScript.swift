/// The one script of the limit store: everything a node says to a bucket, and what the bucket answers, in one atomic step. *Value.*
///
/// Lua 5.1 as Redis runs it; no construct differs in 5.4, because the model runs the very same text there. It reads and writes only the
/// keys it is given, reads TIME and no other clock, and answers integers only. docs/cluster.md describes the protocol.
///
/// `KEYS`: state, members, then one key per operation. Times are microseconds, rates are thousandths of a slot per day.
///
/// Three clocks, because a clock step must never give anything away:
/// - `v` never runs ahead of true time. What was granted is judged by it. It advances to what the callers' steady clocks prove, and no
///   further than Redis' own clock.
/// - `w` never lags behind true time. The end of what is granted is written down by it: what ends by `v` has then ended in truth, however
///   far `v` was behind. Should the two drift apart (a step of Redis' clock, or nobody called), time stands still meanwhile: `w` becomes `v`,
///   and what callers knew of `v` before is void (`g` counts these events).
/// - `f` never lags behind either and never stands still. Who is silent for too long is judged by it.
package enum BucketScript {
    /// The layout of keys, arguments and answers; another version uses other keys.
    package static let version = 1
    /// Goes up with every change after which nodes of the former text count differently; nodes that differ in it do not share limits.
    static let revision: Int64 = 2
    /// Shares are counted in parts of this: a number that 1 to 16 nodes divide evenly.
    static let whole: Int64 = 720_720_000
    /// Integers before the first operation's answer.
    static let headerCount = 13
    /// Integers per operation.
    static let answerCount = 6

    /// The text.
    package static let text = prelude + members + rates + connections + main

    private static let prelude = """
        local A, K = ARGV, KEYS
        local function n(x) return tonumber(x) or 0 end
        local function s(x) return string.format('%.0f', x) end
        local floor, min, max, huge, whole = math.floor, math.min, math.max, 2^53, 720720000
        local unpack = unpack or table.unpack
        local node, inc, seq, run, nonce = A[1], A[2], n(A[3]), A[4], n(A[5])
        local epoch, vbound, fbound, ack = n(A[6]), n(A[7]), n(A[8]), n(A[9])
        local tier2, silence, has, hasLeft, leaving = A[10] ~= '0', n(A[10]), n(A[11]), n(A[12]), A[14] == '1'
        local hbTimeout, shareTTL, permitTTL, freshQuiet, crashHold = n(A[15]), n(A[16]), n(A[17]), n(A[18]), n(A[19])
        local quantum, gen, slowest, count = n(A[20]), n(A[21]), n(A[22]), n(A[23])
        local t = redis.call('TIME')
        t = n(t[1]) * 1000000 + n(t[2])
        local st = redis.call('HMGET', K[1], 'e', 'run', 'v', 'f', 't', 'qr', 'qc', 'fr', 'S', 'H', 'N', 'R', 'sw', 'ver', 'lg', 'last', 'w', 'g', 'T', 'e0', 'sig', 'sigAt')
        if st[14] and st[14] ~= '1' then return {9, n(st[14])} end
        local sig = A[13]
        if st[21] and st[21] ~= sig and math.abs(t - n(st[22])) < 10000000 then return {9, 0} end
        local E, v, f, qr, qc, fr = n(st[1]), n(st[3]), n(st[4]), n(st[6]), n(st[7]), n(st[8])
        local S, H, N, R, sw, lg, last = n(st[9]), n(st[10]), n(st[11]), n(st[12]), n(st[13]), st[15] or '', n(st[16])
        local w, g, T, e0 = n(st[17]), n(st[18]), n(st[19]), n(st[20])
        local sweepAll, reserveAll = false, false
        if E == 0 or st[2] ~= run then
          redis.call('DEL', K[1], K[2])
          E, v, f, S, H, N, R, sw, lg, last = nonce, max(t, w), max(t, f), 0, 0, 0, 0, 0, '', 0
          w, T, g = v, v, g + 1
          -- A caller that knows another epoch, or knew one a short while ago, proves that something was lost.
          fr = (st[1] or epoch ~= 0) and 0 or 1
          -- What was granted before is forgotten; 0 when there was nothing.
          e0 = fr == 1 and 0 or w
          qr = w + (fr == 1 and freshQuiet or shareTTL * 1.01 + hbTimeout)
          qc = w + (fr == 1 and freshQuiet or permitTTL * 1.01 + crashHold)
        else
          local dt = t - n(st[5])
          if dt < 0 then dt = 0; reserveAll = true end
          if epoch ~= E then vbound, fbound, ack = 0, 0, 0 end
          if gen ~= g then vbound = 0 end
          local before = f
          f = f + dt
          -- Redis' clock has lost something that the caller saw pass. A little is the difference between two clocks that both run well.
          if fbound > f + 20000 then f = fbound + slowest end
          T = T + dt
          v = max(v, min(T, vbound))
          w = max(w + f - before, v)
          -- Far apart because nobody called who knows v, or apart for good because w has jumped: slots lose what lies between the two.
          if w - v > (v >= T and slowest * 0.3 or 1000000) then w, T, g = v, v, g + 1 end
          if f - last > permitTTL / 2 then
            -- Nobody has called for long: the nodes were all cut off, and may hold permits that ran out here.
            qc = max(qc, w + permitTTL * 1.01 + crashHold)
          end
          if epoch ~= 0 and epoch ~= E and fr == 1 then
            fr, e0 = 0, w
            qr = max(qr, w + shareTTL * 1.01 + hbTimeout)
            qc = max(qc, w + permitTTL * 1.01 + crashHold)
          end
          if fr == 1 and v > qr + shareTTL then fr = 0 end
        end
        last = f

        """

    /// A member: `inc seq base hold lease tier lastReserved heldThen spanThen silence`: the last is for
    /// how long nothing had been granted when it called last. Its `hold` (of `whole`) stays taken until `lease`, whatever becomes of it.
    private static let members = """
        local function member(text)
          if not text then return nil end
          local a, b, c, d, e, g, h, i = string.match(text, '^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+)')
          if not a then return nil end
          local span, silence = string.match(text, ' (%S+) (%S+)$')
          return {inc = a, seq = n(b), base = n(c), hold = n(d), lease = n(e), tier = n(g), res = n(h), held = n(i), span = n(span), silence = n(silence)}
        end
        local me = member(redis.call('HGET', K[2], node) or nil)
        -- Of two processes of one node the later one counts: what the one before still says, or said and was late, does not.
        local born = tonumber(inc, 16) or 0
        local bornThen = me and tonumber(me.inc, 16) or 0
        if me and (me.inc == inc and seq <= me.seq or born < bornThen and (v <= me.lease or f <= me.base + hbTimeout + 60000000)) then
          redis.call('HSET', K[1], 'v', s(v), 'f', s(f), 't', s(t), 'last', s(last), 'w', s(w), 'g', s(g), 'T', s(T))
          return {2, E, floor(v), floor(f), 0, 0, 0, 0, 0, 0, 0, 0, 0}
        end
        local isNew = epoch ~= E
        local reserved = tier2 or isNew or ack == 0 or f > ack + hbTimeout
        if not me or me.tier == 1 or reserved or reserveAll then sweepAll = true end
        -- What the caller itself counts for in the sums of the last sweep.
        if me and me.tier == 1 and me.hold > 0 and v <= me.lease then S, R = max(0, S - me.hold), max(0, R - 1) end
        if not me or reserveAll or f - sw > (sweepAll and 100000 or 500000) then
          sw, S, H, N, R, lg = f, 0, 0, 1, 0, ''
          local all = redis.call('HGETALL', K[2])
          for i = 1, #all, 2 do
            if all[i] ~= node then
              local m = member(all[i + 1])
              if not m then
                redis.call('HDEL', K[2], all[i])
              else
                local alive = v <= m.lease
                local silent = f > m.base + hbTimeout or m.tier == 1 or reserveAll
                if alive then H = H + m.hold end
                if not silent then N = N + 1 end
                if silent and alive and m.hold > 0 then
                  S, R, N = S + m.hold, R + 1, N + 1
                  m.res, m.held, m.span = w, max(m.held, m.hold), m.silence + f - m.base
                  redis.call('HSET', K[2], all[i],
                    table.concat({m.inc, s(m.seq), s(m.base), s(m.hold), s(m.lease), '1', s(w), s(m.held), s(m.span), s(m.silence)}, ' '))
                end
                if m.res > 0 and m.held > 0 then lg = lg .. s(m.res) .. ':' .. s(m.held) .. ':' .. s(m.span) .. ' ' end
                if silent and not alive and f > m.base + hbTimeout + 60000000 and m.res + 90000000000 < v then
                  redis.call('HDEL', K[2], all[i])
                end
              end
            end
          end
          H = H + (me and v <= me.lease and me.inc == inc and me.hold or 0)
        end
        local mine = (me and me.inc == inc and v <= me.lease) and me.hold or 0
        local others = max(0, H - mine)
        local share = 0
        if hasLeft <= 0 then has = 0 end
        if v < qr then
          share = has
        else
          share = max(0, min(floor(whole / max(1, N)), whole - others))
        end
        local hold = max(share, has)
        local resAt, resHeld, resSpan = me and me.res or 0, me and me.held or 0, me and me.span or 0
        if resAt + 90000000000 < v then resHeld = 0 end
        -- Who is not on its share has spent nothing from it.
        if tier2 and has > 0 then resAt, resHeld, resSpan = w, max(resHeld, hold), max(silence, me and me.tier == 1 and me.span or 0) end
        if leaving then
          -- It is remembered for a while: late requests of this process must not count, nor what was spent from its share be forgotten.
          redis.call('HSET', K[2], node,
            table.concat({inc, s(seq), s(f), '0', s(v - 1), '1', s(resAt), s(resHeld), s(resSpan), '0'}, ' '))
          hold, share = 0, 0
        else
          redis.call('HSET', K[2], node,
            table.concat({inc, s(seq), s(isNew and 0 or ack), s(hold), s(w + shareTTL), reserved and '1' or '0', s(resAt), s(resHeld), s(resSpan), s(silence)}, ' '))
          redis.call('PEXPIRE', K[2], 86400000)
        end
        H = others + hold
        -- What the caller itself may still be spending from its share counts as reserved for everybody, the caller too.
        if reserved and hold > 0 then S, R = S + hold, R + 1 end
        if (sw == f or tier2) and resHeld > 0 then lg = lg .. s(resAt) .. ':' .. s(resHeld) .. ':' .. s(resSpan) .. ' ' end
        local SS, RR = S, R
        redis.call('HSET', K[1], 'e', s(E), 'run', run, 'v', s(v), 'f', s(f), 't', s(t), 'qr', s(qr), 'qc', s(qc), 'fr', s(fr), 'S', s(S),
          'H', s(H), 'N', s(N), 'R', s(R), 'sw', s(sw), 'ver', '1', 'lg', lg, 'last', s(last), 'w', s(w), 'g', s(g), 'T', s(T), 'e0', s(e0), 'sig', sig, 'sigAt', s(t))
        -- Redis counts by its wall clock, which may step: a step that takes the keys of the limits takes this one first, and is noticed.
        redis.call('PEXPIRE', K[1], 86400000)
        local open = v >= qr and not reserved and not leaving
        local out = {v < qr and 1 or 0, E, floor(v), floor(f), share, N, SS, floor(max(0, qr - v)), floor(max(0, qc - v)), reserved and 1 or 0,
          RR, floor(w - v), g}

        """

    /// Rates, three kinds. 1 log: limits up to 64, exact. 2 slots: slow ones, one slot at a time. 3 stream: bandwidth by demand.
    private static let rates = """
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
        -- Max-min: those who ask for less than an even part leave the rest to the others. Sorts the list.
        local function even(total, list)
          table.sort(list)
          local rest, left, level = total, #list, 0
          for _, d in ipairs(list) do
            level = rest / left
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

    /// Connection caps. A node's block: `granted until since wait want seen inc`. `fv fw fs`: since when everything is out, how many waited
    /// then, and how many permits were out.
    private static let connections = """
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
          local sum, list, m, mine = 0, {}, 0, nil
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
                  m = m + 1
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
            if want > 0 then m = m + 1 end
            -- Max-min in whole permits: who wants less than an even part leaves the rest.
            local wants = {}
            for _, o in ipairs(list) do wants[#wants + 1] = max(o.want, o.g > 0 and 1 or 0) end
            if want > 0 then wants[#wants + 1] = want end
            table.sort(wants)
            local rest, left, level = C, #wants, C
            for _, x in ipairs(wants) do
              level = floor(rest / left)
              if x > level then break end
              rest, left = rest - x, left - 1
              if left == 0 then level = C end
            end
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

    private static let main = """
        local at = 24
        for i = 1, count do
          local key, op, r = K[2 + i], A[at], nil
          if op == '1' then r = logRate(key, n(A[at + 1]), n(A[at + 2]), n(A[at + 3]), n(A[at + 4]), n(A[at + 5]), n(A[at + 6]))
          elseif op == '2' then r = slotRate(key, n(A[at + 1]), n(A[at + 2]), n(A[at + 3]), n(A[at + 4]))
          elseif op == '3' then r = streamRate(key, n(A[at + 1]), n(A[at + 2]), n(A[at + 3]), n(A[at + 4]), n(A[at + 5]), n(A[at + 6]), n(A[at + 7]))
          else r = conns(key, n(A[at + 1]), n(A[at + 2]), n(A[at + 3]), A[at + 4] == '1') end
          at = at + 8
          for j = 1, 6 do out[#out + 1] = r[j] end
        end
        return out
        """
}
