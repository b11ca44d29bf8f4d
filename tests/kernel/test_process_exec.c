/* execve: what the new program finds, what it keeps, and what is refused. */
#include "process.h"

#include "../../kernel/process/elf.h"
#include "../../kernel/process/process_inside.h"
#include "../../kernel/process/system_calls.h"
#include "cpuid.h"
#include "descriptors.h"
#include "kmalloc.h"
#include "ktest.h"
#include "puppet.h"
#include "space.h"
#include "string.h"
#include "timer.h"
#include "tsc.h"

extern const char puppet_start[]; /* puppet.S */

#define LIST ((unsigned *)PUPPET_AREA)                          /* arguments */
#define TEXT ((char *)PUPPET_AREA + 9 * PAGE_SIZE)              /* strings */
#define EMPTY (PUPPET_AREA + PUPPET_AREA_PAGES * PAGE_SIZE - 1) /* a NUL */
#define FAR 0x30000000u

enum { FIRST = 7, SECOND = 8 };

static unsigned header(unsigned offset) {
    unsigned word;

    memcpy(&word, puppet_start + offset, sizeof(word));
    return word;
}

/* With heap=guard what lies behind the name is a fault. */
static void short_name(void) {
    struct module *puppet = (struct module *)(uintptr_t)module_find("puppet");
    const char *name = puppet->name;
    char *copy = kmalloc(7);

    KCHECK(copy);
    memcpy(copy, name, 7);
    puppet->name = copy;
    const int error = CALL(SYS_EXECVE, PUPPET_NAME);
    puppet->name = name;
    kfree(copy);
    KCHECK_EQ(error, 0);
    KCHECK(!strcmp(current->name, "puppet"));
}

KTEST(process_exec_reads_no_more_than_the_name)
{ puppet_checks(short_name); }

/* ---- the first stack ---- */

static unsigned random_words[2][4];

/* The auxiliary vector at WORD, as the System V ABI and Linux have it. */
static void check_auxiliary(const unsigned *word, unsigned execfn, unsigned round) {
    const unsigned wanted[][2] = {
        {AT_PHDR, PUPPET_BASE + 52},
        {AT_PHENT, 32},
        {AT_PHNUM, 1},
        {AT_PAGESZ, PAGE_SIZE},
        {AT_BASE, 0},
        {AT_FLAGS, 0},
        {AT_ENTRY, header(24)},
        {AT_UID, 0},
        {AT_EUID, 0},
        {AT_GID, 0},
        {AT_EGID, 0},
        {AT_HWCAP, cpu_features()},
        {AT_CLKTCK, TIMER_HZ},
        {AT_SECURE, 0},
        {AT_RANDOM, 0},
        {AT_EXECFN, execfn},
        {AT_NULL, 0},
    };

    for (size_t i = 0; i < ARRAY_SIZE(wanted); i++, word += 2) {
        KCHECK_EQ(word[0], wanted[i][0]);
        if (word[0] == AT_RANDOM)
            memcpy(random_words[round], (const void *)word[1], 16);
        else
            KCHECK_EQ(word[1], wanted[i][1]);
    }
}

static void stacks(void) {
    static const char *const strings[] = {"one", "", "three words", "A=1", "B="};
    for (unsigned round = 0; round < 2; round++) {
        char *to = TEXT;

        for (unsigned i = 0; i < ARRAY_SIZE(strings); i++) { /* three arguments, two variables */
            LIST[i + (i >= 3)] = (unsigned)to;
            memcpy(to, strings[i], strlen(strings[i]) + 1);
            to += strlen(strings[i]) + 1;
        }
        EXPECT(0, SYS_EXECVE, PUPPET_NAME, PUPPET_AREA, PUPPET_AREA + 16);
        const unsigned *word = (const unsigned *)puppet_frame->user_esp;
        KCHECK_EQ((unsigned)word % 16, 0);
        KCHECK_EQ(word[0], 3);
        unsigned text = word[1];
        KCHECK_EQ(text, STACK_TOP - (unsigned)(to - TEXT)); /* nothing lies above the strings */
        for (unsigned i = 0; i < ARRAY_SIZE(strings); i++) {
            KCHECK_EQ(word[1 + i + (i >= 3)], text);
            KCHECK(!strcmp((const char *)text, strings[i]));
            text += strlen(strings[i]) + 1;
        }
        KCHECK(word[4] == 0 && word[7] == 0);
        KCHECK_CALL(check_auxiliary(word + 8, word[1], round));
    }
    memcpy(current->name, "a_name_of_thirty-one_characters", NAME_MAX);
    EXPECT(0, SYS_EXECVE, PUPPET_NAME, 0, 0); /* no arguments at all */
    KCHECK(!strcmp(current->name, "puppet"));
    const unsigned *word = (const unsigned *)puppet_frame->user_esp;
    KCHECK(word[0] == 0 && word[1] == 0 && word[2] == 0);
    KCHECK_CALL(check_auxiliary(word + 3, STACK_TOP, 0));
}

KTEST(process_exec_builds_the_stack_of_the_abi)
{ puppet_checks(stacks); }

/* COUNT variables and one argument, a string of LENGTH at TEXT. Everything has its place, whatever their number and length. */
static void check_lengths(unsigned count, unsigned length) {
    const unsigned environment = PUPPET_AREA + 8;

    memset(TEXT, 'x', length);
    TEXT[length] = '\0';
    memcpy(LIST, (const unsigned[2]){(unsigned)TEXT, 0}, 8);
    for (unsigned i = 0; i < count; i++)
        LIST[2 + i] = (unsigned)TEXT;
    LIST[2 + count] = 0;
    KCHECK_EQ(CALL(SYS_EXECVE, PUPPET_NAME, PUPPET_AREA, environment), 0);
    const unsigned *word = (const unsigned *)puppet_frame->user_esp;
    const char *string = (const char *)word[1];
    KCHECK((unsigned)word % 16 == 0 && word[0] == 1 && word[2] == 0 && word[3 + count] == 0);
    KCHECK_EQ((unsigned)string, STACK_TOP - (count + 1) * (length + 1));
    for (unsigned i = 0; i <= count; i++, string += length + 1) {
        KCHECK_EQ(i == 0 ? word[1] : word[2 + i], (unsigned)string);
        KCHECK(strlen(string) == length && (length == 0 || (string[0] == 'x' && string[length - 1] == 'x')));
    }
    KCHECK_CALL(check_auxiliary(word + 4 + count, word[1], 0));
    KCHECK(word[4 + count + 28] == AT_RANDOM && word[4 + count + 29] + 16 == word[1]);
    KCHECK((unsigned)(word + 4 + count + 34) <= word[4 + count + 29]); /* not over the vector */
    for (const unsigned *rest = word + 4 + count + 34; rest < (unsigned *)(word[4 + count + 29] & ~3u);
         rest++)
        KCHECK_EQ(*rest, 0); /* nothing of the kernel's between the vector and them */
}

static void lengths(void) {
    for (unsigned length = 0; length < 20; length++)
        KCHECK_CALL(check_lengths(length % 5, length));
    KCHECK_CALL(check_lengths(200, 0));
}

KTEST(process_exec_keeps_strings_and_vectors_apart)
{ puppet_checks(lengths); }

/* The word that would follow on the random WORD if the time were not in it. */
static unsigned next_random(unsigned word) {
    word = (word ^ word << 13) * 2654435761u;
    return word ^ word >> 15;
}

/* Of what the C library gets for its canary no bit is always the same, and nothing follows from what another got. */
static void random_bytes(void) {
    unsigned ones = 0, zeros = 0;

    for (unsigned i = 0; i < 16; i++) {
        unsigned last[4];
        memcpy(last, random_words[0], sizeof(last));
        EXPECT(0, SYS_EXECVE, PUPPET_NAME, 0, 0);
        KCHECK_CALL(check_auxiliary((const unsigned *)puppet_frame->user_esp + 3, STACK_TOP, 0));
        for (unsigned w = 0; w < 4; w++) {
            KCHECK(random_words[0][w] != last[w]);
            KCHECK(!tsc_ticks() || random_words[0][w] != next_random(w ? random_words[0][w - 1] : last[3]));
            ones |= random_words[0][w];
            zeros |= ~random_words[0][w];
        }
    }
    KCHECK(ones == ~0u && zeros == ~0u);
}

KTEST(process_exec_gives_random_bytes)
{ puppet_checks(random_bytes); }

/* ---- what is new, and what stays ---- */

static void what_stays(void) {
    const int pid = current->pid;

    EXPECT(FIRST, SYS_DUP2, 0, FIRST);
    EXPECT(SECOND, SYS_DUP3, 0, SECOND, O_CLOEXEC);
    EXPECT(FAR, SYS_MMAP2, FAR, PAGE_SIZE, PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED);
    const unsigned end = current->memory.brk_start;
    KCHECK_EQ(CALL(SYS_BRK, end + 5), (int)end + 5);
    current->signals.action[10].handler = 0x1234;
    current->signals.action[10].flags = SA_RESTART;
    current->signals.action[11].flags = SA_NOCLDWAIT; /* of the default action */
    current->signals.action[12].handler = SIG_IGN;
    current->signals.blocked = 4 | 2;
    current->signals.pending = 4;
    current->signals.action[SIGCHLD].handler = SIG_IGN;
    current->context.tls = FAR;
    puppet_frame->eflags |= EFLAGS_DF;
    memcpy((char *)PUPPET_AREA, "changed", 8);
    memcpy(current->name, "other", 6);
    EXPECT(0, SYS_EXECVE, PUPPET_NAME);
    KCHECK(puppet_frame->eip == header(24) && puppet_frame->cs == USER_CS &&
           puppet_frame->user_ss == USER_DS);
    KCHECK_EQ(puppet_frame->eflags, 0x202); /* interrupts on, and the bit that is always set */
    KCHECK((puppet_frame->ebx | puppet_frame->ecx | puppet_frame->edx | puppet_frame->esi |
            puppet_frame->edi) == 0);
    KCHECK(current->pid == pid && current->parent == &monitor && !strcmp(current->name, "puppet"));
    KCHECK(file_get(FIRST) && !file_get(SECOND) && current->files.close_on_exec == 0);
    KCHECK(!space_allows((void *)FAR, 1, 0));
    KCHECK(current->memory.brk == end && current->memory.lowest == MAPPINGS_END);
    KCHECK_EQ(*(char *)PUPPET_AREA, 0);
    KCHECK(current->signals.action[10].handler == SIG_DFL && current->signals.action[10].flags == 0);
    KCHECK(current->signals.action[11].handler == SIG_DFL && current->signals.action[11].flags == 0);
    KCHECK(current->signals.action[12].handler == SIG_IGN && current->signals.blocked == (4 | 2));
    KCHECK_EQ(current->signals.action[SIGCHLD].handler, SIG_IGN);
    KCHECK_EQ(current->signals.pending, 4);
    KCHECK_EQ(current->context.tls, 0);
}

KTEST(process_exec_keeps_files_and_nothing_of_memory)
{ puppet_checks(what_stays); }

/* ---- thread-local storage ---- */

static void thread_areas(void) {
    static const struct {
        unsigned entry;
        int value;
    } cases[] = {{UINT32_MAX, 0}, {USER_TLS / 8, 0}, {USER_TLS / 8 + 1, -EINVAL}, {0, -EINVAL}};
    struct user_desc *area = (struct user_desc *)PUPPET_AREA;
    unsigned base = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        *area = (struct user_desc){.entry = cases[i].entry, .base = FAR + i};
        KCHECK_EQ(CALL(SYS_SET_THREAD_AREA, PUPPET_AREA), cases[i].value);
        base = cases[i].value == 0 ? FAR + i : base;
        KCHECK_EQ(current->context.tls, base);
        KCHECK_EQ(area->entry, cases[i].value == 0 ? USER_TLS / 8 : cases[i].entry);
    }
    *area = (struct user_desc){.entry = USER_TLS / 8, .base = FAR + 9};
    EXPECT(0, SYS_MPROTECT, PUPPET_AREA, PAGE_SIZE,
           PROT_READ); /* the entry's number cannot be written there */
    EXPECT(-EFAULT, SYS_SET_THREAD_AREA, PUPPET_AREA);
    KCHECK_EQ(current->context.tls, base);
}

KTEST(process_thread_area_is_one)
{ puppet_checks(thread_areas); }

/* ---- what is refused ---- */

/* COUNT arguments, each of them the string at TEXT. */
static int exec_with(unsigned count, unsigned text) {
    for (unsigned i = 0; i < count; i++)
        LIST[i] = text;
    LIST[count] = 0;
    return CALL(SYS_EXECVE, PUPPET_NAME, PUPPET_AREA);
}

static const char *name = "a name of more than thirty-one bytes";

/* The program as FILE, which execve takes for "/proc/self/exe", with the arguments at ARGV. */
static int exec_file_with(const char *data, size_t size, unsigned argv) {
    static struct module file;

    file.name = name;
    file.data = data;
    file.size = size;
    file.start = 1; /* not at a page's start: all of it is copied */
    current->program = &file;
    memcpy(TEXT, "/proc/self/exe", 15);
    return CALL(SYS_EXECVE, (unsigned)TEXT, argv);
}

static int exec_file(const char *data, size_t size) { return exec_file_with(data, size, PUPPET_ARGUMENTS); }

static void other_files(void) {
    const unsigned headers = PAGE_SIZE + 4; /* where no segment is */
    char *other = kzalloc(headers + 32);

    KCHECK(other);
    memcpy(other, puppet_start, PAGE_SIZE);
    memcpy(other + headers, other + 52, 32);
    memcpy(other + 28, &headers, sizeof(headers));
    KCHECK_EQ(exec_file(other, PAGE_SIZE), -ENOEXEC); /* the headers are not in it */
    KCHECK_EQ(exec_file(other + 1, PAGE_SIZE), -ENOEXEC);
    KCHECK_EQ(exec_file_with(other + 1, PAGE_SIZE, FAR), -EFAULT); /* as on Linux: arguments are looked at first */
    KCHECK_EQ(exec_file(other, 51), -ENOEXEC);
    KCHECK_EQ(exec_file(other, headers + 31), -ENOEXEC);
    KCHECK_EQ(exec_file(other, headers + 32), 0);
    KCHECK(!strcmp(current->name, "a name of more than thirty-one "));
    name = "a_name_of_thirty-two_characters_";
    KCHECK_EQ(exec_file(other, headers + 32), 0);
    kfree(other);
    KCHECK(!strcmp(current->name, "a_name_of_thirty-two_characters"));
    const unsigned *auxiliary = (const unsigned *)puppet_frame->user_esp + 4;
    KCHECK(auxiliary[0] == AT_PHDR && auxiliary[1] == 0);
    KCHECK(auxiliary[4] == AT_PHNUM && auxiliary[5] == 0);
}

KTEST(process_exec_takes_files_whose_headers_are_not_loaded)
{ puppet_checks(other_files); }

static void refusals(void) {
    memcpy(TEXT, "none", 5);
    EXPECT(-ENOENT, SYS_EXECVE, (unsigned)TEXT);
    memcpy(TEXT, "/", 2);
    EXPECT(-EACCES, SYS_EXECVE, (unsigned)TEXT);
    memcpy(TEXT, "/dev/null", 10);
    EXPECT(-EACCES, SYS_EXECVE, (unsigned)TEXT);
    EXPECT(-EFAULT, SYS_EXECVE, FAR);
    EXPECT(-EFAULT, SYS_EXECVE, PUPPET_NAME, FAR);
    EXPECT(-EFAULT, SYS_EXECVE, PUPPET_NAME, 0, FAR);
    KCHECK_EQ(exec_with(1, FAR), -EFAULT);
    memset(TEXT, 'x', PAGE_SIZE - 1);
    TEXT[PAGE_SIZE - 1] = '\0';
    KCHECK_EQ(exec_with(33, (unsigned)TEXT), -E2BIG); /* 132 KiB of strings */
    KCHECK_EQ(exec_with(8193, EMPTY), -E2BIG);        /* too many */
    KCHECK_EQ(exec_with(8192, EMPTY), 0);
    KCHECK_EQ(*(unsigned *)puppet_frame->user_esp, 8192);
    for (unsigned count = 4097; count >= 4096; count--) { /* arguments, and as many variables */
        for (unsigned i = 0; i < count; i++)
            LIST[i] = EMPTY;
        LIST[count] = 0;
        KCHECK_EQ(CALL(SYS_EXECVE, PUPPET_NAME, PUPPET_AREA, PUPPET_AREA), count > 4096 ? -E2BIG : 0);
    }
    memset(TEXT, 'x', PAGE_SIZE - 1);
    KCHECK_EQ(exec_with(32, (unsigned)TEXT), 0); /* 128 KiB */
    const unsigned *word = (const unsigned *)puppet_frame->user_esp;
    KCHECK(word[0] == 32 && word[1] == STACK_TOP - 32 * PAGE_SIZE && word[32] == STACK_TOP - PAGE_SIZE);
    for (unsigned at = word[1]; at < STACK_TOP; at++)
        KCHECK_EQ(*(char *)at, at % PAGE_SIZE == PAGE_SIZE - 1 ? 0 : 'x');
}

KTEST(process_exec_refuses_what_is_no_program_or_too_much)
{ puppet_checks(refusals); }

/* Strings that do not fit into what is left of the buffer, which then grows; up to 128 KiB, to the byte. */
static void growing(void) {
    memset(TEXT, 'x', 3000);
    TEXT[2999] = '\0';
    KCHECK_EQ(exec_with(44, (unsigned)TEXT), -E2BIG);
    KCHECK_EQ(exec_with(43, (unsigned)TEXT), 0);
    const unsigned *word = (const unsigned *)puppet_frame->user_esp;
    for (unsigned i = 0; i < 43; i++) {
        const char *string = (const char *)word[1 + i];
        KCHECK(string == (char *)STACK_TOP - (43 - i) * 3000 && strlen(string) == 2999);
    }
    for (unsigned most = 4095; most >= 4094; most--) { /* 31 pages, MOST bytes, and two empty strings */
        memset(TEXT, 'x', PAGE_SIZE - 1);
        TEXT[PAGE_SIZE - 1] = '\0';
        for (unsigned i = 0; i < 31; i++)
            LIST[i] = (unsigned)TEXT;
        LIST[31] = (unsigned)TEXT + PAGE_SIZE - most;
        LIST[32] = LIST[33] = EMPTY;
        LIST[34] = 0;
        KCHECK_EQ(CALL(SYS_EXECVE, PUPPET_NAME, PUPPET_AREA), most > 4094 ? -E2BIG : 0);
    }
}

KTEST(process_exec_takes_strings_of_any_length)
{ puppet_checks(growing); }
