/* The arguments of system calls. See program.h. */
#include "program.h"

#include "memlayout.h"
#include "string.h"

#include "../../model/model.h"

#include "../../../kernel/process/process_inside.h"

struct last last;

/* A number that borders on something. */
static unsigned border(void) {
    static const unsigned borders[] = {0,
                                       1,
                                       PAGE_SIZE,
                                       USER_START,
                                       STACK_END,
                                       STACK_TOP,
                                       MAPPINGS_END,
                                       USER_END,
                                       KERNEL_STACKS_END,
                                       WINDOW_START,
                                       DIRECTORY_WINDOW,
                                       0x100000,
                                       0x80000000,
                                       UINT32_MAX};

    return borders[model_below(ARRAY_SIZE(borders))] + model_below(5) - 2;
}

/* What some calls take as flags. */
static unsigned flags(void) {
    static const unsigned known[] = {O_NONBLOCK,
                                     O_CLOEXEC,
                                     O_DIRECTORY,
                                     O_CREAT | O_TRUNC,
                                     SA_RESTART | SA_SIGINFO,
                                     SA_RESETHAND | SA_NODEFER,
                                     CLONE_CHILD_SETTID | CLONE_PARENT_SETTID,
                                     CLONE_VM | CLONE_VFORK,
                                     WNOHANG,
                                     F_DUPFD_CLOEXEC,
                                     (unsigned)AT_FDCWD};

    return known[model_below(ARRAY_SIZE(known))];
}

static unsigned map_flags(void) {
    static const unsigned known[] = {MAP_PRIVATE | MAP_ANONYMOUS, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
                                     MAP_PRIVATE, MAP_PRIVATE | MAP_FIXED, MAP_SHARED};

    return known[model_below(ARRAY_SIZE(known))];
}

static unsigned terminal_request(void) {
    static const unsigned known[] = {TCGETS, TCSETS, TCSETSF, TIOCGPGRP, TIOCSPGRP, TIOCGWINSZ};

    return known[model_below(ARRAY_SIZE(known))];
}

unsigned descriptor(void) {
    unsigned open[FILES_MAX], count = 0;

    for (unsigned fd = 0; fd < FILES_MAX; fd++)
        if (current->files.file[fd])
            open[count++] = fd;
    if (count == 0 || model_one_in(8))
        return model_below(FILES_MAX + 2);
    return open[model_below(count)];
}

static unsigned page_end(void) { return DATA + (1 + model_below(3)) * PAGE_SIZE - model_below(32); }
static unsigned pid(void) {
    return (unsigned)(current->pid + (int)model_below(5) - 2) * (model_one_in(4) ? -1u : 1);
}
static unsigned brk(void) { return current->memory.brk + model_below(16) * PAGE_SIZE / 2 - PAGE_SIZE; }

unsigned argument(const struct trap_frame *frame) {
    switch (model_below(14)) {
    case 0:
        return border();
    case 1:
        return descriptor();
    case 2:
        return model_below(40);
    case 3:
        return flags();
    case 4:
        return last.stored;
    case 5:
        return DATA + model_below(DATA_SIZE / 16) * 16;
    case 6:
        return page_end();
    case 7:
        return TEXT + model_below(PAGE_SIZE);
    case 8:
        return frame->user_esp + model_below(256) * 4 - 256;
    case 9:
        return last.mapped + model_below(4) * PAGE_SIZE - model_below(3);
    case 10:
        return model_below(64) * PAGE_SIZE;
    case 11:
        return pid();
    case 12:
        return last.result;
    default:
        return model_word();
    }
}

uintptr_t place(const struct trap_frame *frame) {
    switch (model_below(32)) {
    case 0:
        return argument(frame) & ~3u;
    case 1:
    case 2:
        return (frame->user_esp + model_below(128) * 4) & ~3u;
    case 3:
    case 4:
        return (last.mapped & ~3u) + model_below(64) * 4;
    default:
        return DATA + model_below(DATA_SIZE / 4) * 4;
    }
}

unsigned put_words(struct trap_frame *frame, unsigned n) {
    uintptr_t va = last.stored = place(frame);

    for (; n; n--, va += 4) {
        unsigned word = argument(frame);
        if (!access_word(frame, va, true, &word))
            break;
    }
    return last.stored;
}

void put(struct trap_frame *frame, uintptr_t va, const void *words, size_t n) {
    for (const unsigned *from = words; n; from++, n -= 4, va += 4) {
        unsigned word = *from;
        if (!access_word(frame, va, true, &word))
            return;
    }
}

unsigned put_text(struct trap_frame *frame, const char *text) {
    size_t size = strlen(text) + 1;
    unsigned words[PATH_MAX / 2] = {0};

    memcpy(words, text, size);
    put(frame, last.stored = place(frame), words, (size + 3) & ~3u);
    return last.stored;
}

#define TEN_TIMES(text) text text text text text text text text text text

unsigned put_string(struct trap_frame *frame) {
    static const char *const strings[] = {"program",
                                          "/bin/program",
                                          "/table",
                                          "./",
                                          "/",
                                          "..",
                                          "/dev/null",
                                          "/dev/tty",
                                          "/nowhere/it",
                                          "/proc/self/exe",
                                          "/bin//",
                                          "",
                                          TEN_TIMES(TEN_TIMES("/..")) /* too long for a path */};

    return put_text(frame, strings[model_below(ARRAY_SIZE(strings))]);
}

/* Stores N addresses of one string, and 0. */
static unsigned put_vector(struct trap_frame *frame, unsigned n) {
    unsigned string = put_string(frame), none = 0;
    uintptr_t va = last.stored = place(frame);

    for (; n && access_word(frame, va, true, &string); n--)
        va += 4;
    if (n == 0)
        access_word(frame, va, true, &none);
    return last.stored;
}

static unsigned where_to_map(void) {
    switch (model_below(8)) {
    case 0:
        return DATA + model_below(3) * PAGE_SIZE;
    case 1:
    case 2:
        return 0;
    default:
        return last.mapped + model_below(4) * PAGE_SIZE;
    }
}

unsigned argument_like(struct trap_frame *frame, char kind) {
    switch (model_one_in(9) ? '?' : kind) {
    case '0':
        return 0;
    case 'a':
        return map_flags();
    case 'b':
        return brk();
    case 'd':
        return descriptor();
    case 'f':
        return flags();
    case 'g': /* a signal */
        return 1 + model_below(SIGNALS);
    case 'i':
        return pid();
    case 'l':
        return (1 + model_below(8)) * PAGE_SIZE - model_below(2);
    case 'm': /* pages */
        return where_to_map();
    case 'n':
        return model_one_in(4) ? model_below(3 * PAGE_SIZE) : model_below(64);
    case 'p':
        return model_one_in(4) ? page_end() : place(frame);
    case 'r': /* a protection */
    case 'w':
        return model_below(8);
    case 's':
        return put_string(frame);
    case 'S': /* a structure */
        return put_words(frame, 1 + model_below(8));
    case 't':
        return terminal_request();
    case 'v':
        return put_vector(frame, model_below(4));
    default:
        return argument(frame);
    }
}
