/* Executing a program: its arguments, its first stack, and execve. */
#include "cpuid.h"
#include "descriptors.h"
#include "elf.h"
#include "kmalloc.h"
#include "process_inside.h"
#include "string.h"
#include "system_calls.h"
#include "timer.h"
#include "tsc.h"
#include "user_memory.h"

#define ARGUMENTS_MIN 4096u
#define ARGUMENTS_MAX (128u << 10) /* bytes of all strings */
#define POINTERS_MAX 8192u

/* ---- arguments ---- */

/* Makes room for N bytes more. */
static int make_room(struct arguments *arguments, size_t n) {
    size_t size = arguments->size ? arguments->size : ARGUMENTS_MIN;
    char *text;

    if (n > ARGUMENTS_MAX - arguments->used || arguments->argc + arguments->envc >= POINTERS_MAX)
        return -E2BIG;
    while (size - arguments->used < n)
        size *= 2;
    if (size == arguments->size)
        return 0;
    if (!(text = krealloc(arguments->text, size)))
        return -ENOMEM;
    arguments->text = text;
    arguments->size = size;
    return 0;
}

/* Appends a string of N bytes without its NUL. */
int arguments_add(struct arguments *arguments, const char *string, size_t n) {
    int error = make_room(arguments, n + 1);

    if (error < 0)
        return error;
    memcpy(arguments->text + arguments->used, string, n);
    arguments->text[arguments->used + n] = '\0';
    arguments->used += n + 1;
    return 0;
}

/* Appends the program's STRING. */
static int add_user_string(struct arguments *arguments, const char *string) {
    for (size_t room = 1;; room = arguments->size - arguments->used + 1) {
        int n = make_room(arguments, room);

        if (n == 0)
            n = copy_string_from_user(arguments->text + arguments->used, string,
                                      arguments->size - arguments->used);
        if (n >= 0)
            arguments->used += (size_t)n + 1;
        if (n != -ENAMETOOLONG)
            return n < 0 ? n : 0;
    }
}

/* Appends the strings of the program's vector LIST, which ends with NULL and may be NULL; counts them. */
static int add_user_strings(struct arguments *arguments, const unsigned *list, unsigned *count) {
    unsigned string;
    int error = 0;

    for (; list && !error; list++, *count += !error) {
        if (copy_from_user(&string, list, sizeof(string)) < 0)
            return -EFAULT;
        if (!string)
            return 0;
        error = add_user_string(arguments, (const char *)string);
    }
    return error;
}

/* ---- the first stack: System V ABI, i386, figure 3-31, and Linux's auxiliary vector ---- */

#define STACK_ENTRIES 40 /* words besides the arguments' pointers */

/* 16 bytes that differ from program to program, for the C library's canary. */
static void make_random(unsigned random[4]) {
    static unsigned state = 0x9E3779B9;

    for (unsigned i = 0; i < 4; i++) {
        state ^= (unsigned)tsc_ticks();
        state = (state ^ state << 13) * 2654435761u;
        random[i] = state ^= state >> 15;
    }
}

struct writer {
    uintptr_t to;
    bool failed;
};

static void put(struct writer *writer, unsigned word) {
    writer->failed |= copy_to_user((void *)writer->to, &word, sizeof(word)) < 0;
    writer->to += sizeof(word);
}

static void put_auxiliary(struct writer *writer, unsigned key, unsigned value) {
    put(writer, key);
    put(writer, value);
}

/* Writes the addresses of COUNT strings and a NULL. The strings are at *TEXT here and at *VA in the
 * program; both move past them. */
static void put_pointers(struct writer *writer, const char **text, uintptr_t *va, unsigned count) {
    while (count--) {
        size_t n = strlen(*text) + 1;

        put(writer, *va);
        *text += n;
        *va += n;
    }
    put(writer, 0);
}

/* Builds a new program's stack; *ESP is where it begins. From STACK_TOP down: the strings, 16 random
 * bytes, the auxiliary vector, the environment, the arguments, their number. */
static int build_stack(const struct elf *elf, const struct arguments *arguments, uintptr_t *esp) {
    uintptr_t strings = STACK_TOP - arguments->used, random_at = strings - 16, va = strings;
    size_t words = arguments->argc + arguments->envc + STACK_ENTRIES;
    struct writer writer = {(random_at - words * sizeof(unsigned)) & ~15u, false};
    const char *text = arguments->text;
    unsigned random[4];

    make_random(random);
    *esp = writer.to;
    if (copy_to_user((void *)strings, arguments->text, arguments->used) < 0 ||
        copy_to_user((void *)random_at, random, sizeof(random)) < 0)
        return -ENOMEM;
    put(&writer, arguments->argc);
    put_pointers(&writer, &text, &va, arguments->argc);
    put_pointers(&writer, &text, &va, arguments->envc);
    const unsigned auxiliary[][2] = {
        {AT_PHDR, elf->headers},
        {AT_PHENT, ELF_HEADER_SIZE},
        {AT_PHNUM, elf->headers ? elf->header_count : 0},
        {AT_PAGESZ, PAGE_SIZE},
        {AT_BASE, 0},
        {AT_FLAGS, 0},
        {AT_ENTRY, elf->entry},
        {AT_UID, 0},
        {AT_EUID, 0},
        {AT_GID, 0},
        {AT_EGID, 0},
        {AT_HWCAP, cpu_features()},
        {AT_CLKTCK, TIMER_HZ},
        {AT_SECURE, 0},
        {AT_RANDOM, random_at},
        {AT_EXECFN, strings},
        {AT_NULL, 0},
    };
    _Static_assert(2 * ARRAY_SIZE(auxiliary) + 3 <= STACK_ENTRIES, "they fit");
    for (size_t i = 0; i < ARRAY_SIZE(auxiliary); i++)
        put_auxiliary(&writer, auxiliary[i][0], auxiliary[i][1]);
    return writer.failed ? -ENOMEM : 0;
}

/* ---- execution ---- */

/* Loads PROGRAM into the current space, which is empty, and sets FRAME to its start. */
int exec_load(const struct module *program, const struct arguments *arguments, struct memory *memory,
              struct trap_frame *frame) {
    uintptr_t esp;
    struct elf elf;
    int error = elf_check(program, &elf);

    if (error || (error = elf_map(program)) || (error = build_stack(&elf, arguments, &esp)))
        return error;
    *memory = memory_of(elf.end);
    *frame = (struct trap_frame){
        .eip = elf.entry, .cs = USER_CS, .eflags = user_eflags(0), .user_esp = esp, .user_ss = USER_DS};
    return 0;
}

/* Gives PROCESS the name of PROGRAM, and clears what its old program left, but for FS and GS. */
void exec_become(struct process *process, const struct module *program) {
    size_t n = strlen(program->name);

    if (n >= NAME_MAX)
        n = NAME_MAX - 1;
    memcpy(process->name, program->name, n);
    process->name[n] = '\0';
    process->program = program;
    process->context.tls = 0;
    fpu_reset(&process->context.fpu);
    signals_reset(&process->signals);
}

/* Turns the current process into PROGRAM. The old space stays until everything is loaded, so a failure
 * changes nothing. */
static int become(const struct module *program, const struct arguments *arguments, struct trap_frame *frame) {
    struct space *old = current->space, *fresh = space_create();
    int error;

    if (!fresh)
        return -ENOMEM;
    enter_space(fresh);
    if ((error = exec_load(program, arguments, &current->memory, frame))) {
        enter_space(old);
        space_destroy(fresh);
        return error;
    }
    current->space = fresh;
    space_destroy(old);
    files_close(&current->files, current->files.close_on_exec);
    exec_become(current, program);
    tell_owner(current);
    load_fs(0);
    load_gs(0);
    trap_set_tls(0);
    fpu_load(&current->context.fpu);
    return 0;
}

int sys_execve(struct trap_frame *frame) {
    struct arguments arguments = {0};
    const struct module *program;
    const struct file_type *type;
    int error = file_look_up((const char *)frame->ebx, &type, &program);

    if (error < 0)
        return error;
    if (type != &module_type)
        return -EACCES;
    error = add_user_strings(&arguments, (const unsigned *)frame->ecx, &arguments.argc);
    if (!error)
        error = add_user_strings(&arguments, (const unsigned *)frame->edx, &arguments.envc);
    if (!error)
        error = become(program, &arguments, frame);
    kfree(arguments.text);
    return error;
}
