/* Lab spaces, exercise touch: first_touch, through space_fault, which is given. */
#include "mm/space.c"

#include "machine.h"

static bool touch(unsigned va, unsigned error) {
    doing("%s of 0x%08x, which is still to come", error & FAULT_WRITE ? "a write" : "a read", va);
    return space_fault(AT(va), error);
}

/* The page must come; returns its frame. */
static paddr_t come(unsigned va, unsigned error) {
    CHECK(touch(va, error), "%s of 0x%08x, which is still to come and allows it, was not mended: space_fault returns false",
          error & FAULT_WRITE ? "a write" : "a read", va);
    unsigned entry = entry_at(va);
    CHECK(entry & PTE_PRESENT, "the first touch of 0x%08x was mended, but its entry is 0x%08x, not present: it will fault again, for ever", va,
          entry);
    paddr_t frame = entry_frame(entry);
    CHECK(is_handed_out(frame), "0x%08x leads to the frame 0x%08x, which pm has not handed out", va, frame);
    return frame;
}

CASE(the_page_comes) {
    start();
    promise_by_hand(PART, WRITE);
    promise_by_hand(PART + 0x1000, WRITE);
    remember_all();
    paddr_t frame = come(PART, FAULT_WRITE);
    mmu_store(AT(PART + 0x10), 1234);
    CHECK(mmu_word(frame + 0x10) == 1234, "what is written to the page does not reach its frame");
    check_entries("the first touch of a page", PART, 1);
    CHECK(before.free - pm_count().free == 1, "a page came, and pm has %d frames fewer", (int)(before.free - pm_count().free));
    CHECK(come(PART + 0x1000, 0) != frame, "two pages have the same frame");
}

CASE(it_is_clear) {
    start();
    for (unsigned n = 0; n < 3; n++) {
        unsigned va = PART + n * PAGE_SIZE;
        promise_by_hand(va, n == 2 ? 0 : WRITE);
        paddr_t frame = come(va, n ? 0 : FAULT_WRITE);
        for (unsigned i = 0; i < ENTRIES_PER_TABLE; i++)
            CHECK(mmu_word(frame + i * 4) == 0, "word %u of the new page is 0x%08x: what was left in the frame, another program's password "
                  "perhaps, is shown to this one", i, mmu_word(frame + i * 4));
    }
}

CASE(its_permissions_are_those_reserved) {
    static const unsigned kinds[] = {0, WRITE, USER, WRITE | USER};
    start();
    for (unsigned i = 0; i < 4; i++) {
        unsigned va = PART + i * PAGE_SIZE, flags = kinds[i];
        promise_by_hand(va, flags);
        paddr_t frame = come(va, flags & USER);
        unsigned entry = without_status(entry_at(va));
        CHECK(flags & WRITE || !(entry & PTE_WRITE), "0x%08x was reserved read-only, but its entry is 0x%08x, writable", va, entry);
        CHECK(flags & USER || !(entry & PTE_USER), "0x%08x was reserved for the kernel, but its entry is 0x%08x: programs may use it", va, entry);
        CHECK((entry & PERMISSIONS) == flags, "0x%08x was reserved with the permissions 0x%x, but its entry is 0x%08x", va, flags, entry);
        CHECK(entry & SPACE_PAGE, "0x%08x: its entry is 0x%08x: SPACE_PAGE is lost, so the page is nobody's: its frame will never go back", va,
              entry);
        CHECK(entry == (frame | PTE_PRESENT | SPACE_PAGE | flags), "0x%08x: its entry is 0x%08x: bits that have no business there are set", va,
              entry);
    }
    mmu_check_caches();
}

CASE(a_write_to_a_read_only_page_is_refused) {
    start();
    promise_by_hand(PART, USER);
    promise_by_hand(PART + 0x1000, USER);
    come(PART + 0x1000, FAULT_USER);
    remember_all();
    CHECK(!touch(PART, FAULT_USER | FAULT_WRITE), "a write to a page that was reserved read-only is a real fault, but space_fault calls it "
          "mended: its entry is 0x%08x", entry_at(PART));
    check_undone("a write to a read-only page was refused");
    come(PART, FAULT_USER);
}

CASE(its_frame_has_one_owner) {
    start();
    promise_by_hand(PART, WRITE);
    unsigned entries = entries_counted(entry_frame(mmu_word(pde_place(PART))));
    paddr_t frame = come(PART, FAULT_WRITE);
    CHECK(pages_counted(frame) == 1, "a page has come, but its frame's record counts %u pages: pm would take the frame back under it, or "
          "never", pages_counted(frame));
    CHECK((*frame_at(frame) & FRAME_KIND) == FRAME_PLAIN, "the page's frame is recorded as something else than a frame handed out");
    CHECK(entries_counted(entry_frame(mmu_word(pde_place(PART)))) == entries, "the entry was there before, and was counted: the table's "
          "record must stay, but counts %u entries instead of %u", entries_counted(entry_frame(mmu_word(pde_place(PART)))), entries);
    check_order("a page has come");
}

CASE(no_frame_is_left) {
    start();
    promise_by_hand(PART, WRITE);
    leave_free(0);
    remember_all();
    CHECK(!touch(PART, FAULT_WRITE), "no frame is free, but space_fault says that the page has come: its entry is 0x%08x", entry_at(PART));
    check_undone("no frame is free, and a first touch was refused");
    pm_free_page(held[--held_count]);
    come(PART, FAULT_WRITE);
}
