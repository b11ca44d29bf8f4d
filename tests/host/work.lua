-- Work for Lua over Quire's heap: strings, tables, closures, coroutines and the garbage collector. What it prints is
-- the same on every run: no addresses, no order of hashed keys, no time.

local function report(name, ...)
    print(name, ...)
end

local state = 42
local function random(n)
    state = (state * 1103515245 + 12345) % 2147483648
    return state // 65536 % n
end

-- Strings: built, cut, replaced.
local parts = {}
for i = 1, 20000 do
    parts[#parts + 1] = string.format("%05d:%s", i, string.rep(string.char(97 + random(26)), random(40)))
end
local text = table.concat(parts, "|")
report("text", #text, text:sub(1, 60))
report("replaced", #text:gsub("%d+", function(d) return "<" .. d .. ">" end))
local grown = ""
for i = 1, 3000 do
    grown = grown .. random(10)
end
report("grown", #grown, grown:sub(-20))

-- Tables: grown, sorted, nested, emptied.
local words = {}
for i = 1, 50000 do
    words[i] = string.format("%x", random(1000000) * 7919)
end
table.sort(words)
report("sorted", words[1], words[25000], words[50000])
local tree = {}
for i = 1, 30000 do
    local node = tree
    for digit in tostring(random(100000)):gmatch(".") do
        node[digit] = node[digit] or {}
        node = node[digit]
    end
    node.count = (node.count or 0) + 1
end
local function weigh(node)
    local sum, depth = node.count or 0, 0
    for digit = 0, 9 do
        local child = node[tostring(digit)]
        if child then
            local s, d = weigh(child)
            sum, depth = sum + s, math.max(depth, d + 1)
        end
    end
    return sum, depth
end
report("tree", weigh(tree))
tree = nil
collectgarbage()

-- Closures: chains that keep each other's variables.
local function adder(n, inner)
    return function(x)
        n = n + 1
        return inner and inner(x + n) or x + n
    end
end
local chain
for i = 1, 150 do
    chain = adder(i, chain)
end
report("closures", chain(1), chain(1), chain(1))

-- Coroutines: a pipeline over many of them.
local function source(n)
    return coroutine.wrap(function()
        for i = 1, n do
            coroutine.yield(i)
        end
    end)
end
local function filter(p, from)
    return coroutine.wrap(function()
        for x in from do
            if x == p or x % p ~= 0 then
                coroutine.yield(x)
            end
        end
    end)
end
local primes = source(2000)
for p = 2, 44 do
    primes = filter(p, primes)
end
local count, last = 0, 0
for p in primes do
    count, last = count + 1, p
end
report("primes", count, last)
local alive = {}
for i = 1, 2000 do
    alive[i] = coroutine.create(function(a)
        local b = coroutine.yield(string.rep("x", a % 300))
        return b + a
    end)
    assert(coroutine.resume(alive[i], i))
end
local sum = 0
for i = 1, 2000 do
    local _, value = coroutine.resume(alive[i], 2 * i)
    sum = sum + value
end
report("coroutines", sum)

-- The collector: garbage in both modes, weak tables, finalizers, and memory that comes back.
local finalized = 0
for _, mode in ipairs { "incremental", "generational" } do
    collectgarbage(mode)
    for i = 1, 100000 do
        local t = { i, tostring(i) }
        if i % 100 == 0 then
            setmetatable(t, { __gc = function() finalized = finalized + 1 end })
        end
        t.self = t
    end
    collectgarbage()
end
report("finalized", finalized)
local weak = setmetatable({}, { __mode = "v" })
for i = 1, 1000 do
    weak[i] = { i }
end
collectgarbage()
report("weak", #weak)
local big = {}
for i = 1, 200 do
    big[i] = string.rep(string.char(65 + i % 26), 10000 * (i % 20 + 1))
end
local bytes = 0
for i = 1, 200 do
    bytes = bytes + #big[i]
end
report("big", bytes)
words, parts, big, text, alive = nil, nil, nil, nil, nil
collectgarbage()
report("memory came back", collectgarbage("count") < 4096)

-- Errors unwind through it all.
local _, err = pcall(function()
    local t = {}
    for i = 1, 1000 do
        t[i] = ("e"):rep(i)
        if i == 777 then
            error({ code = #t[i] })
        end
    end
end)
report("error", err.code)
