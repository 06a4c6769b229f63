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
