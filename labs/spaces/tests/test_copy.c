/* Lab spaces, exercise copy: first_write, through space_fault, which is given. */
#include "mm/space.c"

#include "machine.h"

#define COPY (SPACE_PAGE | SPACE_COPY)
#define COPY_FLAGS (COPY | USER)
#define OTHER (NEXT + 0x9000) /* another page that leads to the same frame, as a clone's would */

static paddr_t old;

/* PART's page, whose frame has another owner, too. */
static void start_shared(void) {
    start();
    old = page_by_hand(PART, COPY_FLAGS);
    map_by_hand(OTHER, old, COPY_FLAGS);
    remember_all();
}

static bool write_to(unsigned va) {
    doing("a write to 0x%08x, which is shared until it is written", va);
    return space_fault(AT(va), FAULT_WRITE | FAULT_PRESENT);
}

/* The write must be mended; returns the frame that the page has then. */
static paddr_t mend(unsigned va) {
    CHECK(write_to(va), "a write to 0x%08x, whose entry 0x%08x says SPACE_COPY, was not mended: space_fault returns false", va, entry_at(va));
    unsigned entry = entry_at(va);
    CHECK(entry & PTE_PRESENT, "0x%08x was written to, and is not present any more: its entry is 0x%08x", va, entry);
    CHECK(entry & PTE_WRITE, "a write to 0x%08x was mended, but its entry is 0x%08x, read-only: it will fault again, for ever", va, entry);
    return entry_frame(entry);
}

static void check_words(unsigned va, paddr_t frame) {
    bool clear = true;
    for (unsigned i = 0; i < ENTRIES_PER_TABLE; i++)
        clear &= mmu_word(frame + i * 4) == 0;
    CHECK(!clear, "the copy is clear: it must have what the page had");
    for (unsigned i = 0; i < ENTRIES_PER_TABLE; i++)
        CHECK(mmu_word(frame + i * 4) == word_of(va, i), "word %u of the copy is 0x%08x, and the page had 0x%08x: is it a copy of the page that "
              "was written to, and made while the page still leads to the old frame?", i, mmu_word(frame + i * 4), word_of(va, i));
}

CASE(the_writer_gets_a_copy) {
    start_shared();
    page_by_hand(PART + 0x1000, WRITE);
    remember_all();
    paddr_t frame = mend(PART);
    CHECK(frame != old, "0x%08x was written to, and leads to the same frame 0x%08x as before: whoever else has it sees what is written", PART,
          old);
    CHECK(is_handed_out(frame), "0x%08x leads to the frame 0x%08x, which pm has not handed out", PART, frame);
    check_words(PART, frame);
    for (unsigned i = 0; i < ENTRIES_PER_TABLE; i++)
        CHECK(mmu_word(old + i * 4) == word_of(PART, i), "word %u of the old frame, which is the other owner's, has changed", i);
    check_entries("a write to a shared page", PART, 1);
    CHECK(before.free - pm_count().free == 1, "a copy is one frame, but %d were taken", (int)(before.free - pm_count().free));
}

CASE(it_may_be_written) {
    start_shared();
    mend(PART);
    unsigned entry = without_status(entry_at(PART));
    CHECK(!(entry & SPACE_COPY), "0x%08x has a frame of its own, but its entry is 0x%08x, with SPACE_COPY", PART, entry);
    CHECK(entry & SPACE_PAGE, "0x%08x: its entry is 0x%08x: SPACE_PAGE is lost, so its frame will never go back", PART, entry);
    CHECK(entry & PTE_USER, "0x%08x: its entry is 0x%08x: it was the program's, and is the kernel's now", PART, entry);
    CHECK((entry & ~PTE_FRAME) == (PTE_PRESENT | PTE_WRITE | USER | SPACE_PAGE), "0x%08x: its entry is 0x%08x: bits that have no business there "
          "are set", PART, entry);
    page_by_hand(PART + 0x1000, COPY);
    map_by_hand(OTHER + 0x1000, entry_frame(entry_at(PART + 0x1000)), COPY);
    mend(PART + 0x1000);
    CHECK(!(entry_at(PART + 0x1000) & PTE_USER), "0x%08x was the kernel's alone, and programs may use it now", PART + 0x1000);
}

CASE(the_processor_forgets_the_old_frame) {
    size_t written, flushed;
    start_shared();
    mend(PART);
    find_events(PART, &written, &flushed);
    CHECK(flushed, "0x%08x has a new frame, but nothing was flushed: the processor may still read, and write, the old one", PART);
    CHECK(flushed > written, "0x%08x was flushed before its entry led to the new frame: the processor may have loaded the old one again", PART);
    mmu_check_caches();
    mmu_store(AT(PART + 8), 77);
    CHECK(mmu_word(old + 8) == word_of(PART, 2), "what is written to the page still reaches the old frame");
}

CASE(each_frame_has_its_owners) {
    start_shared();
    paddr_t frame = mend(PART);
    CHECK(pages_counted(old) == 1, "the old frame has one page left, but its record counts %u: %s", pages_counted(old),
          pages_counted(old) ? "it will be copied for nobody, and never go back" : "it may be given back under its owner");
    CHECK(pm_state(old) == PM_USED, "the old frame has another owner, but was given back to pm");
    CHECK(pages_counted(frame) == 1, "the copy has one page, but its frame's record counts %u", pages_counted(frame));
    CHECK((*frame_at(frame) & FRAME_KIND) == FRAME_PLAIN, "the copy's frame is recorded as something else than a frame handed out");
    check_order("a shared page was written to");
}

CASE(the_last_owner_keeps_its_frame) {
    start_shared();
    mend(PART);
    remember_all();
    paddr_t frame = mend(OTHER);
    CHECK(frame == old, "0x%08x is the only page of its frame 0x%08x, and a write needs no copy, but it leads to 0x%08x now%s", OTHER, old, frame,
          pm_state(old) == PM_FREE ? "" : ": the old frame is lost");
    CHECK(pm_count().free == before.free, "the last owner writes in its place, but %d frames were taken", (int)(before.free - pm_count().free));
    unsigned entry = without_status(entry_at(OTHER));
    CHECK(entry == (old | PTE_PRESENT | PTE_WRITE | USER | SPACE_PAGE), "0x%08x: its entry is 0x%08x: it was to be present, writable, the "
          "program's and a SPACE_PAGE, without SPACE_COPY", OTHER, entry);
    check_owners("the last owner wrote in its place");
    size_t written, flushed;
    find_events(OTHER, &written, &flushed);
    CHECK(flushed > written, "0x%08x has become writable, but was not flushed after that: the processor may still have it as read-only, and the "
          "write faults again, for ever", OTHER);
    check_order("the last owner wrote in its place");
}

CASE(a_module_is_copied_always) {
    start();
    for (unsigned i = 0; i < ENTRIES_PER_TABLE; i++)
        mmu_set_word(MODULE + i * 4, word_of(PART, i));
    map_by_hand(PART, MODULE, COPY_FLAGS);
    paddr_t frame = mend(PART);
    CHECK(frame != MODULE, "the frame is a boot module's, which pm never handed out, and was made writable because only one page leads to it: "
          "the next program gets what this one has written");
    check_words(PART, frame);
    CHECK(pages_counted(MODULE) == 0, "no page leads to the module's frame any more, but its record counts %u", pages_counted(MODULE));
    CHECK(pm_state(MODULE) == PM_RESERVED, "the module's frame was given to pm, which never handed it out");
}

static void must_refuse(unsigned va, unsigned error, const char *what) {
    doing("%s", what);
    remember_all();
    CHECK(!space_fault(AT(va), error), "%s is a real fault, but space_fault calls it mended: the entry of 0x%08x is 0x%08x", what, va,
          entry_at(va));
    check_undone(what);
}

CASE(real_faults_are_refused) {
    start_shared();
    page_by_hand(PART + 0x1000, USER);
    map_by_hand(PART + 0x2000, MODULE, SPACE_PAGE | USER);
    must_refuse(PART + 0x1000, FAULT_PRESENT | FAULT_WRITE | FAULT_USER, "a write to a read-only page");
    must_refuse(PART + 0x2000, FAULT_PRESENT | FAULT_WRITE | FAULT_USER, "a write to a read-only page of a module");
    must_refuse(PART, FAULT_PRESENT | FAULT_USER, "a read that faults, of a page that is there");
    mend(PART);
    must_refuse(PART, FAULT_PRESENT | FAULT_WRITE, "a write that faults, to a page that may be written");
}

CASE(no_frame_is_left) {
    start_shared();
    page_by_hand(PART + 0x1000, COPY_FLAGS);
    leave_free(0);
    remember_all();
    CHECK(!write_to(PART), "no frame is free for a copy, but space_fault says that the page may be written: its entry is 0x%08x", entry_at(PART));
    check_undone("no frame is free, and a write to a shared page was refused");
    CHECK(write_to(PART + 0x1000), "no frame is free, and none is needed, for nobody else has the frame of 0x%08x: but the write was not mended",
          PART + 0x1000);
    CHECK(entry_frame(entry_at(PART + 0x1000)) == entry_frame(earlier.part[1]), "no frame is free, and the last owner was to keep its own");
    pm_free_page(held[--held_count]);
    CHECK(mend(PART) != old, "0x%08x was written to, and still has the frame that is shared", PART);
}
