/// The store of the model: the few commands the script may use, in Lua tables of the same state, so that no call leaves Lua.
///
/// It answers as Redis does inside a script: bulk strings as strings, nil as false, integers as numbers. It is stricter where Redis is
/// lenient: a key that was not declared, a global variable, an argument that is no string or number, a fraction as answer are errors.
enum StoreText {
    /// Answers `run, control`.
    static let text = """
        local format, mtype, floor = string.format, math.type, math.floor
        local data, expires, copies = {}, {}, {}
        local micros, millis, turn = 0, 0, 0
        local declared = {}
        local commands = {}

        local number = tonumber
        local function text(x)
          local kind = type(x)
          if kind == 'string' then return x end
          if kind ~= 'number' then error('arguments must be strings or integers, not ' .. kind, 3) end
          if mtype(x) == 'integer' then return format('%d', x) end
          return format('%.17g', x)
        end
        local function live(key)
          key = text(key)
          if declared[key] ~= turn then error('the key ' .. key .. ' was not declared', 3) end
          local e = expires[key]
          if e and e <= millis then data[key] = nil; expires[key] = nil end
          return data[key], key
        end
        local function hash(key)
          local v, k = live(key)
          if v ~= nil and type(v) ~= 'table' then error('WRONGTYPE', 3) end
          return v, k
        end
        local function whole(x)
          local i = math.tointeger(number(text(x)))
          if not i then error('ERR value is not an integer or out of range: ' .. text(x), 3) end
          return i
        end

        function commands.TIME() return {format('%d', micros // 1000000), format('%d', micros % 1000000)} end
        function commands.GET(key)
          local v = live(key)
          if type(v) == 'table' then error('WRONGTYPE', 2) end
          return v or false
        end
        function commands.SET(key, value, ...)
          local old, k = live(key)
          local options, i, expiry = {...}, 1, nil
          while i <= #options do
            local o = string.upper(options[i])
            if o == 'PX' or o == 'EX' then
              expiry = millis + whole(options[i + 1]) * (o == 'EX' and 1000 or 1)
              i = i + 1
            elseif o == 'NX' then if old ~= nil then return false end
            elseif o == 'XX' then if old == nil then return false end
            else error('syntax error') end
            i = i + 1
          end
          data[k], expires[k] = text(value), expiry
          return {ok = 'OK'}
        end
        function commands.DEL(...)
          local n = 0
          for _, key in ipairs({...}) do
            local v, k = live(key)
            if v ~= nil then n = n + 1; data[k] = nil; expires[k] = nil end
          end
          return n
        end
        function commands.EXISTS(...)
          local n = 0
          for _, key in ipairs({...}) do if live(key) ~= nil then n = n + 1 end end
          return n
        end
        function commands.PEXPIRE(key, ms)
          local v, k = live(key)
          ms = whole(ms)
          if v == nil then return 0 end
          expires[k] = millis + ms
          if ms <= 0 then data[k] = nil; expires[k] = nil end
          return 1
        end
        -- A hash is {fields in order, position of a field, value of a field}: one order everywhere, or a seed would not repeat a history.
        function commands.HGET(key, field)
          local h = hash(key)
          return h and h[3][text(field)] or false
        end
        function commands.HMGET(key, ...)
          local h, fields = hash(key), {...}
          if #fields == 0 then error('wrong number of arguments') end
          for i = 1, #fields do fields[i] = h and h[3][text(fields[i])] or false end
          return fields
        end
        function commands.HSET(key, ...)
          local h, k = hash(key)
          local n = select('#', ...)
          if n == 0 or n % 2 == 1 then error('wrong number of arguments') end
          if not h then h = {{}, {}, {}}; data[k] = h end
          local names, position, values, new, args = h[1], h[2], h[3], 0, {...}
          for i = 1, n, 2 do
            local f = text(args[i])
            if not position[f] then
              names[#names + 1] = f
              position[f] = #names
              new = new + 1
            end
            values[f] = text(args[i + 1])
          end
          return new
        end
        function commands.HDEL(key, ...)
          local h, k = hash(key)
          local n = 0
          if not h then return 0 end
          for _, field in ipairs({...}) do
            local f = text(field)
            local names, position, values = h[1], h[2], h[3]
            local at = position[f]
            if at then
              local last = names[#names]
              names[at], position[last] = last, at
              names[#names], position[f], values[f] = nil, nil, nil
              n = n + 1
            end
          end
          if #h[1] == 0 then data[k] = nil; expires[k] = nil end
          return n
        end
        function commands.HGETALL(key)
          local h, out = hash(key), {}
          if not h then return out end
          local names, values = h[1], h[3]
          for i = 1, #names do
            out[2 * i - 1] = names[i]
            out[2 * i] = values[names[i]]
          end
          return out
        end
        function commands.HLEN(key)
          local h = hash(key)
          return h and #h[1] or 0
        end

        -- Hints are not modelled: nothing may depend on them.
        function commands.PUBLISH() return 0 end

        redis = {
          call = function(name, ...)
            local f = commands[name] or commands[string.upper(name)]
            if not f then error('the model has no command ' .. tostring(name), 2) end
            return f(...)
          end,
          pcall = function(...)
            local isDone, reply = pcall(redis.call, ...)
            return isDone and reply or {err = tostring(reply)}
          end,
          error_reply = function(text) return {err = text} end,
          status_reply = function(text) return {ok = text} end,
          sha1hex = function() error('not here') end,
        }
        unpack = table.unpack
        -- Lua 5.1, which Redis has, knows only floating-point numbers: no product overflows there, and none is exact beyond 2^53.
        tonumber = function(x, base)
          local y = number(x, base)
          return y and y + 0.0
        end
        math.floor = function(x) return x // 1.0 end
        math.ceil = function(x) return -(-x // 1.0) end
        -- The script writes all its numbers so, and nearly all are whole: the long way through printf is most of its time.
        string.format = function(how, x, ...)
          if how == '%.0f' then
            local i = math.tointeger(x)
            if i then return format('%d', i) end
          end
          return format(how, x, ...)
        end
        collectgarbage('generational')
        KEYS, ARGV = {}, {}
        os, io, debug, package, require, dofile, loadfile, utf8, coroutine = nil
        setmetatable(_G, {
          __newindex = function(_, name) error('script attempted to create the global variable ' .. tostring(name), 2) end,
          __index = function(_, name) error('script attempted to access the nonexistent global variable ' .. tostring(name), 2) end,
        })

        local function run(now, keys, arguments, script)
          micros, millis, turn = now, now // 1000, turn + 1
          for i = 1, #keys do declared[keys[i]] = turn end
          KEYS, ARGV = keys, arguments
          local reply = script()
          if type(reply) ~= 'table' then error('the answer is no list') end
          if reply.err then error(reply.err) end
          for i = 1, #reply do
            local x = reply[i]
            if mtype(x) ~= 'integer' then
              if mtype(x) ~= 'float' or x ~= x or x < -2^62 or x > 2^62 then error('answer ' .. i .. ' is no integer: ' .. tostring(x)) end
              reply[i] = x >= 0 and floor(x) or -floor(-x)
            end
          end
          return reply
        end

        local function copy(x)
          if type(x) ~= 'table' then return x end
          local y = {}
          for k, v in next, x do y[k] = copy(v) end
          return y
        end
        local function control(what, slot)
          if what == 'flush' then data, expires = {}, {}
          elseif what == 'reset' then data, expires, copies, declared, turn = {}, {}, {}, {}, 0
          elseif what == 'copy' then copies[slot] = {copy(data), copy(expires)}
          elseif what == 'restore' then
            local c = copies[slot]
            if c then data, expires = copy(c[1]), copy(c[2]) end
          elseif what == 'dump' then
            local lines = {}
            for k, v in next, data do
              local e = expires[k] and (' expires in ' .. (expires[k] - millis) .. ' ms') or ''
              if type(v) == 'table' then
                local parts = {}
                for i, f in ipairs(v[1]) do parts[i] = f .. '=' .. v[3][f] end
                v = table.concat(parts, ' | ')
              end
              lines[#lines + 1] = k .. e .. ': ' .. v
            end
            table.sort(lines)
            return table.concat(lines, '\\n')
          end
          return ''
        end
        return run, control
        """
}
