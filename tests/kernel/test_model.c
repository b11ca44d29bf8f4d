/* The models of tests/model/, in the kernel: `test model.*`. */
#include "heap_debug.h"
#include "kmalloc.h"
#include "ktest.h"
#include "panic.h"
#include "support.h"

#include "../model/model.h"

unsigned model_load(const void *va) { return *(const volatile unsigned *)va; }
void model_store(void *va, unsigned word) { *(volatile unsigned *)va = word; }

void model_refuses(const char *text, void (*call)(void *arg), void *arg) {
    if (!ktest_traps(call, arg, text, __FILE__, __LINE__))
        PANIC("model: what was to be refused passed");
}

void *model_take_memory(size_t size) {
    void *memory = kzalloc(size);

    ASSERT(memory);
    return memory;
}

void model_give_memory(void *memory) { kfree(memory); }

void model_take_frames_but(size_t n) {
    frames_hold_all();
    frames_release(n);
}

void model_give_frames(void) { frames_release_all(); }

bool model_heap_is_exact(void) { return heap_mode() == HEAP_NORMAL; }

void model_look(void) {}

static void run(void (*model)(unsigned steps), unsigned steps) {
    unsigned rounds = random_rounds(18, steps);

    model_seed(random_next());
    model(rounds);
}

KTEST_NAMED(model_pm, "model.pm")
{ run(model_pm, 20000); }

KTEST_NAMED(model_vmem, "model.vmem")
{ run(model_vmem, 20000); }

KTEST_NAMED(model_space, "model.space")
{ run(model_space, 20000); }

KTEST_NAMED(model_kmalloc, "model.kmalloc")
{ run(model_kmalloc, 100000); }
