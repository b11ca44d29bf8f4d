// The missions: data, no code. `Backticks` enclose code. A goal that was met stays met; a goal with `after` counts only
// once all goals before it are met. `try` are commands to begin with; hints come one at a time.
const USER = { from: 0x400000, to: 0xc0000000 },
    HEAP = { from: 0xc0000000, to: 0xf0000000 },
    WINDOW = { from: 0xffc00000, to: 0x100000000 };

export const missions = [
    {
        id: "second-name",
        title: "A second name for the screen",
        screen: true,
        task: "The screen's text lies in frame `0x000b8`. Give it a second address: make the page at `0x00400000` lead there too. Then write to that page, and watch the PC's screen.",
        goals: [
            {
                text: "0x00400000 leads to frame 0x000b8",
                when: { page: { va: 0x400000, frame: 0xb8, has: "PRESENT" } },
            },
            {
                text: "something was written through it: the entry is dirty",
                when: { page: { va: 0x400000, frame: 0xb8, has: "DIRTY" } },
            },
        ],
        try: ["help map", "walk 0xb8000"],
        hints: [
            "`map VA PA` makes one entry. `help map` has an example.",
            "`map 0x400000 0xb8000`, then look at the four steps of the translation.",
            "`poke 0x400000 0x2f492f48` writes two characters, each with its colour.",
        ],
        learnt: "An address is a name. One page needed a whole new page table, so the kernel allocated a frame for it, cleared it, and linked it: replay the steps of `map`.",
    },
    {
        id: "who-sets-the-bits",
        title: "Who sets the bits?",
        task: "A new entry says neither accessed nor dirty, and no line of Quire ever sets these bits. Find out who does, and when.",
        goals: [
            {
                text: "a new page of the heap that nobody has touched",
                when: {
                    happened: {
                        kind: "entry",
                        level: "pt",
                        ...HEAP,
                        value: { has: "PRESENT", lacks: "ACCESSED DIRTY" },
                    },
                },
            },
            {
                text: "a heap page that was read, but never written: accessed and clean",
                after: true,
                when: { some: { ...HEAP, has: "PRESENT ACCESSED", lacks: "DIRTY" } },
            },
            {
                text: "stand on the step in which the processor set bits in an entry",
                after: true,
                when: { standing: { kind: "processor" } },
            },
        ],
        try: ["alloc 20000", "heap"],
        hints: [
            "`alloc 20000` takes five pages. Their entries are in table 832 or near it.",
            "`peek $0` reads the first page. Does its entry change? And what does `poke $0 1` do?",
            "In the last command's steps, the blue one is the processor's. Step back onto it.",
        ],
        learnt: "The processor sets both bits while it walks the tables. A system that runs out of memory decides by just these two bits which page to write to disk, and which it may simply drop.",
    },
    {
        id: "two-pages-one-frame",
        title: "Two pages, one frame",
        task: "Nothing says that a frame has one address only. Make two pages of the user part lead to one frame, then write through one of them what you read through the other.",
        goals: [
            { text: "two pages lead to the same frame", when: { sameFrame: USER } },
            { text: "one of them was written", after: true, when: { some: { ...USER, has: "PRESENT DIRTY" } } },
            {
                text: "the other was read, and is clean",
                after: true,
                when: { some: { ...USER, has: "PRESENT ACCESSED", lacks: "DIRTY" } },
            },
        ],
        try: ["mem", "maps"],
        hints: [
            "Any frame of memory will do, free or in use: `0x300000` is one.",
            "`map 0x500000 0x300000` and `map 0x900000 0x300000`: two tables, one frame.",
            "`poke 0x500000 0x42`, then `peek 0x900000`.",
        ],
        learnt: "Shared memory is this and nothing more. Each entry has bits of its own: the dirty bit belongs to the page that was written through, not to the frame.",
    },
    {
        id: "give-back-a-table",
        title: "Give back a table",
        task: "A page table costs a frame. Make the kernel allocate one, and then make it give it back. Why does it flush an address in its own window when it does?",
        goals: [
            {
                text: "a new page table is linked into the user part",
                when: { happened: { kind: "entry", level: "pd", value: { has: "PRESENT" }, ...USER } },
            },
            {
                text: "it is unlinked again",
                after: true,
                when: {
                    happened: {
                        kind: "entry",
                        level: "pd",
                        value: { lacks: "PRESENT" },
                        before: { has: "PRESENT" },
                        ...USER,
                    },
                },
            },
            {
                text: "stand on the step that flushes the table's page in the window",
                after: true,
                when: { standing: { kind: "flush", ...WINDOW } },
            },
        ],
        try: ["map 0x800000 0x300000", "mem"],
        hints: [
            "A table is given back when its last page goes.",
            "`unmap 0x800000` removes the only page of table 2.",
            "In the steps of `unmap`, look for an `invlpg` of an address from `0xffc00000` up.",
        ],
        learnt: "The table was itself a page, in the window. Had it stayed in the TLB there, the next edit would have been written into a frame that belongs to somebody else by then.",
    },
    {
        id: "flush-at-work",
        title: "The flush at work",
        task: "Take the right to write away from a page that the TLB knows, and see how the processor is told.",
        goals: [
            {
                text: "a page of the user part has become read-only",
                when: {
                    happened: {
                        kind: "entry",
                        level: "pt",
                        ...USER,
                        before: { has: "PRESENT WRITE" },
                        value: { has: "PRESENT", lacks: "WRITE" },
                    },
                },
            },
            {
                text: "the flush that followed found the page in the TLB",
                after: true,
                when: { happened: { kind: "flush", ...USER, cached: true } },
            },
            { text: "stand on that flush", after: true, when: { standing: { kind: "flush", ...USER, cached: true } } },
        ],
        try: ["map 0x400000 0x300000", "help protect"],
        hints: [
            "A page comes into the TLB when it is used: `peek 0x400000`.",
            "`protect 0x400000 ro` changes the entry. The page must have been used before.",
            "In the steps of `protect`, the yellow one is `invlpg`.",
        ],
        learnt: "The processor does not watch the tables. Whoever changes an entry that was present must flush its page, or the old permission lives on.",
    },
    {
        id: "lie-to-the-processor",
        title: "Lie to the processor",
        task: "Every change that the kernel makes is followed by a flush. Change an entry by hand, behind its back: the tables then say one thing, and the processor does another.",
        goals: [
            { text: "an entry was changed by hand", when: { happened: { kind: "poke" } } },
            { text: "a page is stale in the TLB", after: true, when: { stale: { from: 0x400000, to: 0xffc00000 } } },
        ],
        try: ["map 0x400000 0x300000", "poke 0x400000 0x41414141", "walk 0x400000"],
        hints: [
            "The window is guarded: `poke 0xffc01000 0` is refused. But a table is also a frame, and the first 4 MiB are mapped at their own addresses.",
            "Step 2 of the translation says in which frame the table is. Its first word is `PT[0]`, the entry of `0x00400000`. Use that page first, so that the TLB knows it.",
            "`poke` the table's frame with `0x00301003`: the entry then leads to the next frame. Where does `peek 0x400000` go?",
        ],
        learnt: "The broken line shows where the processor really goes. Bugs of this kind are seen long after they were made, and elsewhere: the TLB may drop the entry at any moment.",
    },
    {
        id: "off-the-edge",
        title: "Fall off the edge",
        task: "There are two ways in which a walk can fail. Bring about both, and tell them apart by bit 0 of the error code.",
        goals: [
            { text: "a fault because something is absent: bit 0 clear", when: { reported: { lacks: "PRESENT" } } },
            { text: "a fault although the page is there: bit 0 set", when: { reported: { has: "PRESENT" } } },
        ],
        try: ["help fault", "fault null"],
        hints: [
            "`fault KIND` provokes a real fault. `help fault` lists the kinds.",
            "`fault unmapped` reads where nothing is. What is there, but may not be written?",
            "`fault text-write` writes to the kernel's own code.",
        ],
        learnt: "The address is in CR2, the reason in the error code. The rest of the report the kernel finds out by walking its own tables, as you do here.",
    },
    {
        id: "maps-itself",
        title: "The table that maps itself",
        task: "How does a kernel reach its page tables, wherever their frames lie? `PD[1023]` leads to the directory itself. Follow it.",
        goals: [
            { text: "look at a page table in the window, at 0xFFC00000 or above", when: { looking: WINDOW } },
            {
                text: "look at the directory as a page: the last 4 KiB of all",
                after: true,
                when: { looking: { from: 0xfffff000, to: 0x100000000 } },
            },
            {
                text: "read an entry of the directory there: then change the user part and find your entry",
                after: true,
                when: {
                    all: [
                        { looking: { from: 0xfffff000, to: 0x100000000 } },
                        { happened: { kind: "entry", level: "pd", ...USER, value: { has: "PRESENT" } } },
                    ],
                },
            },
        ],
        try: ["peek page_directory 4", "walk 0xffc00000"],
        hints: [
            "Choose the last cell of the directory. Which frame is the page table now?",
            "Type `0xfffff000` into Translate: both steps go through the same frame.",
            "`map 0x400000 0x300000`, then choose `0xfffff004`: the bytes there are `PD[1]`.",
        ],
        learnt: "One entry, and all tables are pages: table i at 0xFFC00000 + i * 4096. No table needs another mapping, and no frame need be found twice.",
    },
    {
        id: "kmalloc-step-by-step",
        title: "A kmalloc, step by step",
        task: "An allocation of 300,000 bytes is many page-table entries and a few other things. Go through all of its steps: know what each is for.",
        goals: [
            {
                text: "a page of the heap was mapped",
                when: { happened: { kind: "entry", level: "pt", ...HEAP, value: { has: "PRESENT" } } },
            },
            {
                text: "you stood on every step of that command",
                after: true,
                when: { seen: { kind: "entry", level: "pt", ...HEAP, value: { has: "PRESENT" } } },
            },
        ],
        try: ["alloc 300000", "heap"],
        hints: [
            "`alloc 300000` and then the buttons beside the steps, or the arrow keys on the slider.",
            "`replay` goes through all of them.",
            "The slider must have stood on each step: Home, then the right arrow.",
        ],
        learnt: "Frames from pm, a cleared table linked first, entries filled in one go, and no flush: an absent entry is in no TLB. The line of C stands below each step.",
    },
    {
        id: "first-touch",
        title: "At the first touch",
        task: "The program `touch` asks for 40 pages and uses 12. It gets the memory when it touches it, and no sooner. Catch the moment.",
        goals: [
            {
                text: "a program faulted on a page that was promised to it",
                when: { happened: { kind: "fault", ...USER, error: { has: "USER", lacks: "PRESENT" } } },
            },
            {
                text: "stand on such a fault",
                after: true,
                when: { standing: { kind: "fault", ...USER, error: { has: "USER", lacks: "PRESENT" } } },
            },
            {
                text: "stand on the step that gives it the frame",
                after: true,
                when: {
                    standing: {
                        kind: "entry",
                        level: "pt",
                        ...USER,
                        before: { has: "SPACE_PAGE", lacks: "PRESENT" },
                        value: { has: "PRESENT" },
                    },
                },
            },
        ],
        try: ["run touch", "ps"],
        hints: [
            "`run touch`, then go through its steps.",
            "The red steps are faults. The program does not notice them.",
            "The green step just after a fault fills the entry.",
        ],
        learnt: "`mmap` only writes promises into entries that are absent: the processor leaves the other 31 bits to software. The fault turns a promise into a frame, and the instruction runs again.",
    },
    {
        id: "fork-to-copy",
        title: "From fork to copy",
        task: "`fork` copies a program without copying its memory. Run `clone`, and find the moments when two spaces share a frame, when one of them writes, and when it gets a copy of its own.",
        goals: [
            {
                text: "at the moment shown, two spaces share a frame that neither may write",
                when: { sharing: { directories: 2 } },
            },
            {
                text: "stand on the fault of a write to such a page",
                after: true,
                when: { standing: { kind: "fault", ...USER, error: { has: "PRESENT WRITE USER" } } },
            },
            {
                text: "stand on the step that makes a page writable again",
                after: true,
                when: {
                    standing: {
                        kind: "entry",
                        level: "pt",
                        ...USER,
                        before: { has: "PRESENT SPACE_COPY", lacks: "WRITE" },
                        value: { has: "PRESENT WRITE" },
                    },
                },
            },
        ],
        try: ["run clone", "help run"],
        hints: [
            "`run clone` is over in an instant: go back into its steps.",
            "In the middle of the command two spaces stand side by side. Frames that both have are framed in both tables.",
            "Look for a red step, a write to a page that is present. A green one follows: is it a new frame, or the old one?",
        ],
        learnt: "The last owner gets its page back writable, uncopied. Whoever comes before it pays one fault and one copy for each page it writes, and nothing for those it only reads.",
    },
    {
        id: "missing-flush",
        title: "Find the missing flush",
        flawed: true,
        task: "In this kernel one flush was taken out. Nothing crashes, and nothing is reported. Use its commands until the TLB and the tables disagree, then say where the flush is missing.",
        goals: [
            {
                text: "a page is stale in the TLB, and no entry was changed by hand",
                when: { all: [{ stale: { from: 0x400000, to: 0xf0000000 } }, { not: { happened: { kind: "poke" } } }] },
            },
            { text: "you found the place", after: true, when: { answer: 2 } },
        ],
        question: {
            text: "The flush is missing where the kernel",
            choices: [
                "takes the right to write away",
                "unmaps a table's last page",
                "unmaps a page, and others stay in its table",
                "maps a page",
            ],
        },
        try: ["map 0x400000 0xb8000", "map 0x401000 0xb9000", "peek 0x400000"],
        hints: [
            "A missing flush shows only for pages that the TLB knew before the change: use them first.",
            "`map` two pages of one table to the screen's frames, `peek` at both, then `protect` one and `unmap` one: after each, look whether the page is still in the TLB.",
            "Each change of an entry that was present must be followed by a yellow step. Which command lacks its own, and does it always?",
        ],
        learnt: "Most kernels that get this wrong run for weeks. Quire's tests simulate a TLB that forgets nothing, so that no run can be lucky.",
    },
];
