/// A Lua program that calls library functions with random arguments and lists what came of it; runs in any Lua 5.4.
enum LibraryScript {
    static let text = #"""
        local seed, rounds = ...
        local function random(n) seed = (seed * 1103515245 + 12345) % 2147483648 return (seed >> 8) % n + 1 end
        local items = { 'a', 'b', 'c', '.', '%a', '%d', '%s', '%w', '%W', '%p', '%x', '%u', '%l', '%c', '%g', '%A', '%S', '%z',
          '[abc]', '[^ab]', '[a-c]', '[%a_]', '[^%s]',
          '[]]', '[a-]', '[-a]', '[%]]', '[^]a]', '[a-%d]', '(', ')', '()', '(a)', '(.)', '%1', '%2', '%b()', '%bab', '%baa',
            '%f[%a]', '%f[^a]', '%f[%z]', '$', '^', '%', '[', '%b', '%f',
          '%%', '%.', '-', ' ', '\0', '1', '\xff', 'é', '%b\0a' }
        local suffixes = { '', '', '', '', '*', '+', '-', '?' }
        local letters = { 'a', 'b', 'c', 'a', 'b', ' ', '1', '(', ')', '_', '.', 'A', '\0', '\xff', '-', ']', '%' }
        local function pattern()
          local out = random(4) == 1 and { '^' } or {}
          local open = 0
          for i = 1, random(6) do
            local item = items[random(#items)]
            if item == '(' then open = open + 1 end
            if item == ')' then if open == 0 and random(8) > 1 then item = 'b' else open = open - 1 end end
            if (item == '%' or item == '[' or item == '%b' or item == '%f') and random(6) > 1 then item = 'a' end
            out[#out + 1] = item .. suffixes[random(#suffixes)]
          end
          if random(6) > 1 then while open > 0 do out[#out + 1] = ')' open = open - 1 end end
          if random(4) == 1 then out[#out + 1] = '$' end
          return table.concat(out)
        end
          local function text() local out = {} for i = 1,
          random(16) - 1 do out[i] = letters[random(#letters)] end return table.concat(out) end
        local replacements = { '', 'x', '%0', '%1', '<%0%0>', '%2', '%%', '%', '%x', 7, { a = 'A', b = false, ab = 'AB' },
          function(a, b) return b end, function() return {} end, function(...) return select('#', ...) end, function() error('inner') end,
          setmetatable({}, { __index = function(_, k) return tostring(k):upper() end }) }
        local log = {}
        local function show(v)
          if type(v) == 'string' then return ('%q'):format(v) end
          return tostring(v)
        end
        local function note(what, ...)
          local parts = { what }
          for i = 1, select('#', ...) do
            local v = select(i, ...)
            if i == 2 and parts[2] == 'false' then v = tostring(v):gsub('^[^:]*:%d+: ', ''):gsub('^%?:%-1: ',
              ''):gsub("#1 to 'table.remove'", "#2 to 'table.remove'") end
            parts[#parts + 1] = show(v)
          end
          log[#log + 1] = table.concat(parts, ' ')
        end
        local function all(s, p, init)
          local out = {}
          for a, b, c in s:gmatch(p, init) do
            out[#out + 1] = show(a) .. show(b) .. show(c)
            if #out > 40 then break end
          end
          return table.concat(out, ';')
        end
        for round = 1, rounds do
          local p, s = pattern(), text()
          local init = random(3) == 1 and random(24) - 12 or nil
          local tag = ('%q %q %s'):format(p, s, tostring(init))
          note('find ' .. tag, pcall(string.find, s, p, init, random(8) == 1))
          note('match ' .. tag, pcall(string.match, s, p, init))
          note('gmatch ' .. tag, pcall(all, s, p, init))
          local r = random(#replacements)
          note('gsub ' .. r .. ' ' .. tag, pcall(string.gsub, s, p, replacements[r], random(3) == 1 and random(5) - 2 or nil))
        end
        -- rep, table functions
        local function list(n) local t = {} for i = 1, n do t[i] = random(5) == 1 and ('s' .. random(9)) or random(20) end return t end
          local function dump(t) local out = {} for k,
          v in pairs(t) do out[#out + 1] = tostring(k) .. '=' .. tostring(v) end table.sort(out) return table.concat(out, ',') end
          local function proxy(t) return setmetatable({}, { __index = function(_, k) return t[k] end, __newindex = function(_, k,
          v) t[k] = v end, __len = function() return #t end }) end
        for round = 1, rounds // 4 do
          local a, b, c = random(12) - 3, random(12) - 3, random(12) - 3
          note('rep', pcall(string.rep, text(), a, random(2) == 1 and text() or nil))
          for _, make in ipairs { function(t) return t end, proxy } do
            local t = list(random(8) - 1)
            local u = make(t)
            note('insert ' .. a, pcall(table.insert, u, a, 'new')) note('', dump(t))
            note('append', pcall(table.insert, u, 'end')) note('', dump(t))
            note('remove ' .. b, pcall(table.remove, u, b)) note('', dump(t))
            note('pop', pcall(table.remove, u)) note('', dump(t))
            note('move', pcall(function() local r = table.move(u, a, b, c) return r == u end)) note('', dump(t))
            local other = {}
            note('move to', pcall(function() local r = table.move(u, a, b, c, other) return r == other end)) note('', dump(other))
           
              note('concat', pcall(table.concat, u, random(2) == 1 and ',' or nil, random(2) == 1 and a or nil,
              random(2) == 1 and b or nil))
            note('unpack', pcall(table.unpack, u, a, random(2) == 1 and b or nil))
          end
          local t, u = {}, nil
          for i = 1, random(40) - 1 do t[i] = random(30) end
          u = proxy({ table.unpack(t) })
          local kind = random(3)
          local less = kind == 1 and function(x, y) return x > y end or kind == 2 and function(x,
            y) return x % 7 * 100 + x < y % 7 * 100 + y end or nil
          note('sort ' .. kind, pcall(table.sort, t, less)) note('', table.concat(t, ','))
          note('sort proxy', pcall(table.sort, u, less)) local out = {} for i = 1, #u do out[i] = u[i] end
            note('', table.concat(out, ','))
        end
        for _, bad in ipairs { { {}, 'x' }, { { 1, 'a' } }, { { {}, {} } }, { 5 }, { nil }, { { 2, 1 }, 5 } } do
          note('bad sort', pcall(table.sort, bad[1], bad[2])) end
        for _, f in ipairs { 'insert', 'remove', 'move', 'concat', 'unpack', 'sort' } do
          for _, args in ipairs { {}, { 5 }, { {} }, { {}, 'x' }, { {}, 1, 2, 3, 4, 5 }, { {}, 1, 20, 2 }, { {}, -1 << 63, 1 << 62,
            2 }, { {}, 1, 10, math.maxinteger - 2 }, { 'str' } } do
            local ok, r = pcall(table[f], table.unpack(args)) note('bad ' .. f, ok, type(r) == 'table' and 't' or r)
          end
        end
        for _, f in ipairs { 'find', 'match', 'gmatch', 'gsub', 'rep', 'format', 'pack', 'unpack' } do
          for _, args in ipairs { {}, { 'x' }, { {}, 'x' }, { 'x', {} }, { 'x', 'x', 'x', 'x' }, { 5, 5, 5 }, { 'abc', 'b', 2.5 },
            { 'x', 'x', {} }, { 'i4', 7 }, { '%d %s %q', 1, 2, 'a\n' }, { 'x', 'x', true } } do
            local ok, r, m = pcall(string[f], table.unpack(args))
            note('args ' .. f, ok, type(r) == 'function' and 'f' or r, m)
          end
        end
        -- coroutines
        local co = coroutine.create(function(a, b) local c = coroutine.yield(a + b) local d, e = coroutine.yield(c * 2) return d, e end)
        note('co', coroutine.resume(co, 1, 2)) note('co', coroutine.resume(co, 10)) note('co', coroutine.status(co))
          note('co', coroutine.resume(co, 'x', 'y')) note('co', coroutine.status(co)) note('co', coroutine.resume(co))
        note('wrap', pcall(coroutine.wrap(function() error('e') end)))
          note('wrap', pcall(coroutine.wrap(function() error({}, 0) end) and function() end))
        local w = coroutine.wrap(function(...) for i = 1, 3 do coroutine.yield(i, ...) end end)
        note('wrap', w('p')) note('wrap', w()) note('wrap', w()) note('wrap', w()) note('wrap', pcall(w))
        local closed = {}
          local function tbc(name, fail) return setmetatable({}, { __close = function(_,
          e) closed[#closed + 1] = name .. tostring(e):gsub('^.*: ', '') if fail then error(fail, 0) end end }) end
        local cc = coroutine.create(function() local a <close> = tbc('a') local b <close> = tbc('b', 'oops') coroutine.yield() end)
        coroutine.resume(cc) note('close', coroutine.close(cc)) note('close', table.concat(closed, ','))
          note('close', coroutine.status(cc)) note('close', coroutine.close(cc))
        local ce = coroutine.create(function() local a <close> = tbc('c') error('z', 0) end)
        note('err', coroutine.resume(ce)) note('err', coroutine.status(ce)) note('err', coroutine.close(ce)) note('err',
          table.concat(closed, ','))
        note('wrapclose', pcall(coroutine.wrap(function() local a <close> = tbc('w', 'w2') error('w1', 0) end))) note('',
          table.concat(closed, ','))
        note('running', select(2, coroutine.running())) note('bad', pcall(coroutine.resume, 5))
          note('bad', pcall(coroutine.create, 5)) note('bad', pcall(coroutine.wrap))
          note('self', coroutine.wrap(function() return coroutine.status(coroutine.running()), pcall(coroutine.resume,
          coroutine.running()) end)())
        note('self', coroutine.wrap(function() return pcall(coroutine.close, coroutine.running()) end)())
        local outer outer = coroutine.create(function() return coroutine.wrap(function() return coroutine.status(outer),
          pcall(coroutine.resume, outer) end)() end)
        note('outer', coroutine.resume(outer))
        note('yieldable', coroutine.wrap(function() return coroutine.isyieldable() end)())
        note('across', coroutine.wrap(function() return pcall(load, coroutine.yield) end)())
        note('deep', select(2, pcall(function()
          local function f(n) return coroutine.wrap(function() return f(n + 1) end)() end return f(1) end)):match('[%a ]+$'))
        return table.concat(log, '\n')
        """#
}
