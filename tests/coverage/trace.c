/* A plugin for QEMU (tcg): which of the kernel's instructions ran, and what came after each jump.
 *
 *     -plugin trace.so,to=FILE,start=ADDRESS,end=ADDRESS      the numbers are decimal
 *
 * When QEMU ends, FILE has a line "ran ADDRESS" for each instruction, and "next FROM TO" for each pair of an
 * instruction that ended a block and one that began the next. An instruction counts as run when its block was entered:
 * one that follows a faulting one in its block does so, too.
 *
 * Debian has no package with qemu-plugin.h, so what is used of it is declared here. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

typedef uint64_t plugin_id;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef void on_block(plugin_id id, struct qemu_plugin_tb *block);
void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id, on_block *call);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *block, void (*call)(unsigned, void *), int flags,
                                          void *data);
void qemu_plugin_register_atexit_cb(plugin_id id, void (*call)(plugin_id, void *), void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *block, size_t i);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);

EXPORT int qemu_plugin_version = 1;
EXPORT int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv);

#define SUCCESSORS 4 /* a conditional jump has two, and whatever interrupts */

struct block {
    uint32_t count, insn[];
};

static const char *to;
static uint32_t start, end, before; /* BEFORE: the last instruction that ran, or 0 for one outside */
static uint8_t *ran;
static uint32_t (*next)[SUCCESSORS];

static void remember_next(uint32_t from, uint32_t after) {
    for (unsigned i = 0; i < SUCCESSORS; i++) {
        if (next[from - start][i] == after)
            return;
        if (!next[from - start][i]) {
            next[from - start][i] = after;
            return;
        }
    }
}

static void on_entry(unsigned processor, void *data) {
    const struct block *block = data;
    (void)processor;
    if (before)
        remember_next(before, block->insn[0]);
    before = block->insn[block->count - 1];
    if (!ran[block->insn[0] - start] || !ran[before - start])
        for (uint32_t i = 0; i < block->count; i++)
            ran[block->insn[i] - start] = 1;
}

static void on_entry_outside(unsigned processor, void *data) {
    (void)processor, (void)data;
    before = 0;
}

static void on_translation(plugin_id id, struct qemu_plugin_tb *tb) {
    size_t count = qemu_plugin_tb_n_insns(tb);
    (void)id;
    uint64_t first = qemu_plugin_insn_vaddr(qemu_plugin_tb_get_insn(tb, 0));
    uint64_t last = qemu_plugin_insn_vaddr(qemu_plugin_tb_get_insn(tb, count - 1));
    if (first < start || last >= end) {
        qemu_plugin_register_vcpu_tb_exec_cb(tb, on_entry_outside, 0, NULL);
        return;
    }
    struct block *block = malloc(sizeof(*block) + count * sizeof(block->insn[0])); /* kept: QEMU may run it any time */
    block->count = count;
    for (size_t i = 0; i < count; i++)
        block->insn[i] = qemu_plugin_insn_vaddr(qemu_plugin_tb_get_insn(tb, i));
    qemu_plugin_register_vcpu_tb_exec_cb(tb, on_entry, 0, block);
}

static void on_exit_write(plugin_id id, void *data) {
    FILE *file = fopen(to, "w");
    (void)id, (void)data;
    for (uint32_t at = start; file && at < end; at++) {
        if (ran[at - start])
            fprintf(file, "ran %" PRIx32 "\n", at);
        for (unsigned i = 0; i < SUCCESSORS && next[at - start][i]; i++)
            fprintf(file, "next %" PRIx32 " %" PRIx32 "\n", at, next[at - start][i]);
    }
    if (file)
        fclose(file);
}

int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv) {
    (void)info;
    for (int i = 0; i < argc; i++) {
        if (!strncmp(argv[i], "to=", 3))
            to = strdup(argv[i] + 3);
        else if (!strncmp(argv[i], "start=", 6))
            start = strtoul(argv[i] + 6, NULL, 10);
        else if (!strncmp(argv[i], "end=", 4))
            end = strtoul(argv[i] + 4, NULL, 10);
    }
    if (!to || start >= end)
        return 1;
    ran = calloc(end - start, sizeof(ran[0]));
    next = calloc(end - start, sizeof(next[0]));
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
    qemu_plugin_register_atexit_cb(id, on_exit_write, NULL);
    return 0;
}
