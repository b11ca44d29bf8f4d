// How each mission is solved: what is typed, which step one goes to, what one chooses. For tests only.
//   {type: "..."}  {go: va}  {to: EVENT} the first step of the last command that is such an event (web/missions/predicate.js)
//   {every: true} each step of the last command   {answer: i}   {poke: {table, index, value}} an entry, by the address of its table's frame
const USER = { from: 0x400000, to: 0xc0000000 };

export const solutions = {
    "second-name": [{ type: "map 0x400000 0xb8000" }, { type: "poke 0x400000 0x2f492f48" }],
    "who-sets-the-bits": [{ type: "alloc 20000" }, { type: "peek $0" }, { to: { kind: "processor" } }],
    "two-pages-one-frame": [
        { type: "map 0x500000 0x300000" },
        { type: "map 0x900000 0x300000" },
        { type: "poke 0x500000 0x42" },
        { type: "peek 0x900000" },
    ],
    "give-back-a-table": [
        { type: "map 0x800000 0x300000" },
        { type: "unmap 0x800000" },
        { to: { kind: "flush", from: 0xffc00000 } },
    ],
    "flush-at-work": [
        { type: "map 0x400000 0x300000" },
        { type: "peek 0x400000" },
        { type: "protect 0x400000 ro" },
        { to: { kind: "flush", cached: true, ...USER } },
    ],
    "lie-to-the-processor": [
        { type: "map 0x400000 0x300000" },
        { type: "poke 0x400000 0x41414141" },
        { poke: { table: 1, index: 0, value: 0x00301003 } },
    ],
    "off-the-edge": [{ type: "fault unmapped" }, { type: "fault text-write" }],
    "maps-itself": [{ type: "map 0x400000 0x300000" }, { go: 0xffc00000 }, { go: 0xfffff004 }],
    "kmalloc-step-by-step": [{ type: "alloc 300000" }, { every: true }],
    "first-touch": [
        { type: "run touch" },
        { to: { kind: "fault", ...USER, error: { has: "USER", lacks: "PRESENT" } } },
        {
            to: {
                kind: "entry",
                level: "pt",
                ...USER,
                before: { has: "SPACE_PAGE", lacks: "PRESENT" },
                value: { has: "PRESENT" },
            },
        },
    ],
    "fork-to-copy": [
        { type: "run clone" },
        { to: { kind: "fault", ...USER, error: { has: "PRESENT WRITE USER" } } },
        {
            to: {
                kind: "entry",
                level: "pt",
                ...USER,
                before: { has: "PRESENT SPACE_COPY", lacks: "WRITE" },
                value: { has: "PRESENT WRITE" },
            },
        },
    ],
    "missing-flush": [
        { type: "map 0x400000 0xb8000" },
        { type: "map 0x401000 0xb9000" },
        { type: "peek 0x400000" },
        { type: "unmap 0x400000" },
        { answer: 2 },
    ],
};
