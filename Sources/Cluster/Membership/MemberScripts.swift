internal import Redis

/// What membership does in the store, each in one step. KEYS[1] is the hash of members. *Value.*
///
/// A field is `seen joined incarnation previous returns contested {json}`: milliseconds of the store's clock, except for the two
/// incarnations and the count. A process that writes after another incarnation of its node wrote, though it wrote before that one,
/// has *returned*: both live. One return may be a late message of a process that has ended since; two within 15 s are not.
enum MemberScripts {
    /// Renews the record of one node, and reads all when asked. ARGV: node, incarnation, {json}, 1 = read all, age in ms at which a
    /// record goes, most records that are read.
    /// Reply: {now, records there are, 1 = contested, node, field, node, field, …}.
    static let heartbeat = RedisScript(
        """
        local time = redis.call('TIME')
        local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
        local function number(n) return string.format('%.0f', n) end
        local joined, previous, returns, contested = now, '0', 0, 0
        local stored = redis.call('HGET', KEYS[1], ARGV[1])
        if stored then
          local seen, j, inc, prev, r, c = string.match(stored, '^(%d+) (%d+) (%d+) (%d+) (%d+) (%d+) ')
          if seen then
            seen, j, r, c = tonumber(seen), tonumber(j), tonumber(r), tonumber(c)
            if inc == ARGV[2] then
              joined, previous, returns, contested = j, prev, r, c
            else
              previous = inc
              if prev == ARGV[2] and now - seen < 15000 then
                returns = r + 1
              end
              if returns >= 2 then contested = now end
            end
            if now - contested >= 15000 and contested > 0 then returns, contested = 0, 0 end
          end
        end
        redis.call('HSET', KEYS[1], ARGV[1], table.concat(
          {number(now), number(joined), ARGV[2], previous, number(returns), number(contested), ARGV[3]}, ' '))
        local size = redis.call('HLEN', KEYS[1])
        local reply = {number(now), number(size), contested > 0 and '1' or '0'}
        if ARGV[4] == '1' and size <= tonumber(ARGV[6]) then
          local all = redis.call('HGETALL', KEYS[1])
          for i = 1, #all, 2 do
            local seen = tonumber(string.match(all[i + 1], '^(%d+) '))
            if not seen or now - seen > tonumber(ARGV[5]) then
              redis.call('HDEL', KEYS[1], all[i])
            else
              reply[#reply + 1] = all[i]
              reply[#reply + 1] = all[i + 1]
            end
          end
        end
        return reply
        """)

    /// Takes the record away: of one incarnation that leaves (ARGV: node, incarnation), or of a node that is gone (ARGV: node, "").
    /// Reply: 1 = it is away, 0 = another incarnation has it, or the node lives.
    static let leave = RedisScript(
        """
        local stored = redis.call('HGET', KEYS[1], ARGV[1])
        if not stored then return 1 end
        local seen, inc = string.match(stored, '^(%d+) %d+ (%d+) ')
        if ARGV[2] ~= '' then
          if inc and inc ~= ARGV[2] then return 0 end
        elseif seen then
          local time = redis.call('TIME')
          local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
          if now - tonumber(seen) < 15000 then return 0 end
        end
        redis.call('HDEL', KEYS[1], ARGV[1])
        return 1
        """)
}
