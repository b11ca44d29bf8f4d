/* The heap workloads. Each stream is prepared by a run without a heap: its random sizes, and the most bytes ever
 * live, are known before the clock starts. A word of a stream is a slot and a size. */
#include "workloads.h"

#include "random.h"

#define W1_PAIRS 1000000
#define W2_OBJECTS 10000
#define W2_ROUNDS 100
#define W3_SLOTS 2000
#define W3_OPS 2000000
#define W4_SLOTS 200
#define W4_OPS 200000
#define W5_PAYLOAD (2u << 20)
#define W5_FIRST 32u
#define W5_LAST 4096u
#define W6_SLOTS 64
#define W6_OPS 200000
#define W6_FIRST 16u
#define W6_LAST 65536u

#define SIZE_BITS 17
#define SIZE_MASK ((1u << SIZE_BITS) - 1)

static void *touched(void *p) {
    *(volatile char *)p = 1;
    return p;
}

static void free_all(const struct heap *heap, void **slots, size_t n) {
    for (size_t i = 0; i < n; i++) {
        heap->free(slots[i]);
        slots[i] = NULL;
    }
}

/* Divides SCRATCH: SLOTS objects first, then the words. */
static void lay_out(struct stream *stream, void *scratch, size_t slots) {
    *stream = (struct stream){.slots = scratch, .words = (uint32_t *)((void **)scratch + slots)};
}

/* ---- W1 and W2 ---- */

static void prepare_w1(struct stream *stream, void *scratch) {
    lay_out(stream, scratch, 0);
    stream->ops = W1_PAIRS;
    stream->payload = 64;
}

static void run_w1(const struct heap *heap, const struct stream *stream) {
    for (size_t i = 0; i < stream->ops; i++)
        heap->free(touched(heap->alloc(64)));
}

static void prepare_w2(struct stream *stream, void *scratch) {
    lay_out(stream, scratch, W2_OBJECTS);
    stream->ops = W2_OBJECTS * W2_ROUNDS;
    stream->payload = W2_OBJECTS * 32;
}

static void run_w2(const struct heap *heap, const struct stream *stream) {
    for (size_t round = 0; round < W2_ROUNDS; round++) {
        for (size_t i = 0; i < W2_OBJECTS; i++)
            stream->slots[i] = touched(heap->alloc(32));
        free_all(heap, stream->slots, W2_OBJECTS);
    }
}

/* ---- W3 and W4: objects replaced at random ---- */

static uint32_t mixed_size(struct random *random) {
    uint32_t percent = random_below(random, 100);
    if (percent < 50)
        return random_between(random, 16, 64);
    if (percent < 80)
        return random_between(random, 65, 256);
    return percent < 95 ? random_between(random, 257, 2048) : random_between(random, 2049, 8192);
}

static uint32_t large_size(struct random *random) { return random_between(random, 4096, 65536); }

/* Meanwhile the slots hold sizes. */
static void prepare_churn(struct stream *stream, size_t slots, size_t ops,
                          uint32_t (*size)(struct random *)) {
    struct random random = RANDOM_SEED;
    uintptr_t *sizes = (uintptr_t *)stream->slots;
    size_t live = 0;
    for (size_t i = 0; i < ops; i++) {
        uint32_t slot = random_below(&random, slots), bytes = size(&random);
        stream->words[i] = slot << SIZE_BITS | bytes;
        live += bytes - sizes[slot];
        sizes[slot] = bytes;
        if (live > stream->payload)
            stream->payload = live;
    }
    for (size_t i = 0; i < slots; i++)
        sizes[i] = 0;
    stream->count = stream->ops = ops;
}

static void prepare_w3(struct stream *stream, void *scratch) {
    lay_out(stream, scratch, W3_SLOTS);
    prepare_churn(stream, W3_SLOTS, W3_OPS, mixed_size);
}

static void prepare_w4(struct stream *stream, void *scratch) {
    lay_out(stream, scratch, W4_SLOTS);
    prepare_churn(stream, W4_SLOTS, W4_OPS, large_size);
}

static void churn(const struct heap *heap, const struct stream *stream) {
    for (size_t i = 0; i < stream->count; i++) {
        uint32_t op = stream->words[i];
        void **slot = &stream->slots[op >> SIZE_BITS];
        if (*slot)
            heap->free(*slot);
        *slot = touched(heap->alloc(op & SIZE_MASK));
    }
}

static void run_w3(const struct heap *heap, const struct stream *stream) {
    churn(heap, stream);
    free_all(heap, stream->slots, W3_SLOTS);
}

static void run_w4(const struct heap *heap, const struct stream *stream) {
    churn(heap, stream);
    free_all(heap, stream->slots, W4_SLOTS);
}

/* ---- W5: holes too small for what comes next ---- */

static void prepare_w5(struct stream *stream, void *scratch) {
    lay_out(stream, scratch, W5_PAYLOAD / W5_FIRST);
    for (uint32_t size = W5_FIRST, fill = W5_PAYLOAD; size <= W5_LAST; size *= 2, fill = W5_PAYLOAD / 2)
        stream->ops += fill / size;
    stream->payload = W5_PAYLOAD;
}

/* Each stage frees half of the objects of every size, and so half of the payload. Objects stay in the order of their
 * allocation. */
static void run_w5(const struct heap *heap, const struct stream *stream) {
    void **slots = stream->slots;
    size_t live = 0;
    for (uint32_t size = W5_FIRST, fill = W5_PAYLOAD; size <= W5_LAST; size *= 2, fill = W5_PAYLOAD / 2) {
        for (size_t i = 0; i < live; i += 2) {
            heap->free(slots[i]);
            slots[i / 2] = slots[i + 1];
        }
        live /= 2;
        for (size_t end = live + fill / size; live < end; live++)
            slots[live] = touched(heap->alloc(size));
    }
    free_all(heap, slots, live);
    for (size_t i = live; i < W5_PAYLOAD / W5_FIRST; i++)
        slots[i] = NULL;
}

/* ---- W6: objects that grow ---- */

/* Size 0: free it and start again. */
static void prepare_w6(struct stream *stream, void *scratch) {
    struct random random = RANDOM_SEED;
    uint32_t sizes[W6_SLOTS];
    size_t live = W6_SLOTS * W6_FIRST;
    lay_out(stream, scratch, W6_SLOTS);
    for (size_t i = 0; i < W6_SLOTS; i++)
        sizes[i] = W6_FIRST;
    for (; stream->ops < W6_OPS; stream->count++) {
        uint32_t slot = random_below(&random, W6_SLOTS);
        uint32_t bytes = sizes[slot] + sizes[slot] / 2 + random_below(&random, 64);
        bool again = bytes > W6_LAST;
        stream->words[stream->count] = slot << SIZE_BITS | (again ? 0 : bytes);
        stream->ops += !again;
        live += (again ? W6_FIRST : bytes) - sizes[slot];
        sizes[slot] = again ? W6_FIRST : bytes;
        if (live > stream->payload)
            stream->payload = live;
    }
}

static void run_w6(const struct heap *heap, const struct stream *stream) {
    for (size_t i = 0; i < W6_SLOTS; i++)
        stream->slots[i] = touched(heap->alloc(W6_FIRST));
    for (size_t i = 0; i < stream->count; i++) {
        uint32_t op = stream->words[i];
        void **slot = &stream->slots[op >> SIZE_BITS];
        if (op & SIZE_MASK) {
            *slot = heap->realloc(*slot, op & SIZE_MASK);
        } else {
            heap->free(*slot);
            *slot = touched(heap->alloc(W6_FIRST));
        }
    }
    free_all(heap, stream->slots, W6_SLOTS);
}

#define POINTERS(n) ((n) * sizeof(void *))
#define WORDS(n) ((n) * sizeof(uint32_t))

const struct workload workloads[WORKLOADS] = {
    {"W1", 1, prepare_w1, run_w1},
    {"W2", POINTERS(W2_OBJECTS), prepare_w2, run_w2},
    {"W3", POINTERS(W3_SLOTS) + WORDS(W3_OPS), prepare_w3, run_w3},
    {"W4", POINTERS(W4_SLOTS) + WORDS(W4_OPS), prepare_w4, run_w4},
    {"W5", POINTERS(W5_PAYLOAD / W5_FIRST), prepare_w5, run_w5},
    {"W6", POINTERS(W6_SLOTS) + WORDS(W6_OPS * 5 / 4), prepare_w6, run_w6},
};
