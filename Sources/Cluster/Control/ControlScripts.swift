internal import Redis

/// What the control plane does in the store, each in one step. *Value.*
///
/// KEYS are those of `ControlKeys.control`. The scripts read only these, and use no command newer than Redis 6.2.
enum ControlScripts {
    /// Writes one change, unless the store has it or a later one. "Later" is the higher version, and the node that sorts last among
    /// equals; names are compared byte by byte, since Lua's own comparison follows the server's locale.
    /// The same change with a signature that is missing or an hour older is replaced.
    /// ARGV: epoch if there is none, id, version, node, {json}, channel, most fields, length of the stream, when it was signed or "".
    /// Reply: {"written", event}, {"same", event}, {"older", what is stored} or {"full"}.
    static let publish = RedisScript(
        """
        local function precedes(a, b)
          local n = math.min(#a, #b)
          for i = 1, n do
            local x, y = string.byte(a, i), string.byte(b, i)
            if x ~= y then return x < y end
          end
          return #a < #b
        end
        local version = tonumber(ARGV[3])
        local stored = redis.call('HGET', KEYS[3], ARGV[2])
        if stored then
          local v, node, event = string.match(stored, '^(%d+) (%S+) (%S+) ')
          v = tonumber(v)
          if v and v > 0 and v <= 1125899906842624 then
            if v == version and node == ARGV[4] then
              local signed = tonumber(string.match(stored, '"signed":(%d+),"mac":"%x+"}$'))
              if (ARGV[9] or '') == '' or (signed and signed > tonumber(ARGV[9]) - 3600000000000) then return {'same', event} end
            end
            if v > version or (v == version and precedes(ARGV[4], node)) then return {'older', stored} end
          end
        elseif redis.call('HLEN', KEYS[3]) >= tonumber(ARGV[7]) then
          return {'full'}
        end
        if redis.call('EXISTS', KEYS[1]) == 0 then redis.call('SET', KEYS[1], ARGV[1]) end
        local counter = (tonumber(redis.call('GET', KEYS[2])) or 0) + 1
        if not (counter >= version and counter <= 1125899906842624) then counter = version end
        local event = redis.call('XADD', KEYS[4], 'MAXLEN', '~', ARGV[8], '*', 'id', ARGV[2])
        redis.call('HSET', KEYS[3], ARGV[2], table.concat({ARGV[3], ARGV[4], event, ARGV[5]}, ' '))
        redis.call('SET', KEYS[2], string.format('%.0f', counter))
        redis.pcall('PUBLISH', ARGV[6], ARGV[4])
        return {'written', event}
        """)

    /// Reads what changed since an event, and the entries it changed. That event must still be there: what the stream forgot, or a
    /// failover lost, shows as a gap. From "0-0" only a short stream is read, which has forgotten nothing.
    /// ARGV: epoch if there is none, epoch the reader knows, event it knows or "", most events, most bytes, hash fields that are asked.
    /// Reply: {state, epoch, version, newest event, last event of this part, id, value, id, value, …}; state is "same", "part" or
    /// "gap". Of a gap the newest event is where reading goes on after the whole hash was read.
    static let read = RedisScript(
        """
        local epoch = redis.call('GET', KEYS[1])
        if not epoch then
          epoch = ARGV[1]
          redis.call('SET', KEYS[1], epoch)
        end
        local version = redis.call('GET', KEYS[2]) or '0'
        local top = redis.call('XREVRANGE', KEYS[4], '+', '-', 'COUNT', 1)
        local newest = top[1] and top[1][1] or '0-0'
        if epoch ~= ARGV[2] or ARGV[3] == '' then return {'gap', epoch, version, newest, newest} end
        if newest == ARGV[3] then return {'same', epoch, version, newest, newest} end
        local most = tonumber(ARGV[4])
        local events
        local first = 1
        if ARGV[3] == '0-0' then
          if redis.call('XLEN', KEYS[4]) > 1000 then return {'gap', epoch, version, newest, newest} end
          events = redis.call('XRANGE', KEYS[4], '-', '+', 'COUNT', most)
        else
          events = redis.call('XRANGE', KEYS[4], ARGV[3], '+', 'COUNT', most + 1)
          if not events[1] or events[1][1] ~= ARGV[3] then return {'gap', epoch, version, newest, newest} end
          first = 2
        end
        local reply = {'part', epoch, version, newest, newest}
        local seen, bytes = {}, 0
        for i = first, #events do
          local id = events[i][2][2]
          if id and not seen[id] then
            seen[id] = true
            local value = redis.call('HGET', KEYS[3], id)
            if value then
              reply[#reply + 1] = id
              reply[#reply + 1] = value
              bytes = bytes + #value
            end
          end
          reply[5] = events[i][1]
          if bytes > tonumber(ARGV[5]) then break end
        end
        return reply
        """)

    /// Removes fields whose entries ended long ago, if they still are what the caller saw. ARGV: id, start of the value, id, ….
    static let purge = RedisScript(
        """
        local removed = 0
        for i = 1, #ARGV, 2 do
          local stored = redis.call('HGET', KEYS[3], ARGV[i])
          if stored and string.sub(stored, 1, #ARGV[i + 1]) == ARGV[i + 1] then
            removed = removed + redis.call('HDEL', KEYS[3], ARGV[i])
          end
        end
        return removed
        """)
}
