/* A program in ring 3: what the input makes it do. See program.h. */
#include "../../../kernel/process/system_calls.c" /* with its table */

#include "program.h"

#include "../../host/mmu.h"
#include "../../model/model.h"

#include "fuzz.h"
#include "kernel.h"
#include "user_part.h"

static void check_frame(const struct trap_frame *frame) {
    EXPECT(frame->cs == USER_CS && frame->user_ss == USER_DS);
    EXPECT((frame->eflags & ~EFLAGS_PROGRAM) == (EFLAGS_IF | 2));
    EXPECT(!(current->signals.blocked & (1u << (SIGKILL - 1) | 1u << (SIGSTOP - 1))));
    EXPECT(current != &monitor && space_current() == current->space);
}

static void fault(struct trap_frame *frame, unsigned vector, uintptr_t address, unsigned error) {
    frame->vector = vector;
    frame->error = error;
    handlers->program_fault(frame, address);
    check_frame(frame);
}

/* Whether the page fault at VA is mended, and the page's content is right: clear, or as its frame was before. */
static bool mends(uintptr_t va, unsigned error) {
    static const char clear[PAGE_SIZE];
    unsigned before = mmu_lookup((void *)va);

    if (va < USER_START || va >= USER_END || !handlers->page_fault((void *)va, error))
        return false;
    const void *expected = before ? mmu_frame(before & PTE_FRAME) : clear;
    EXPECT(!memcmp(mmu_frame(mmu_lookup((void *)va) & PTE_FRAME), expected, PAGE_SIZE));
    return true;
}

bool access_word(struct trap_frame *frame, uintptr_t va, bool write, unsigned *word) {
    unsigned error;
    bool mended = false;

    while (!(write ? user_part_store(va, *word, &error) : user_part_load(va, word, &error))) {
        EXPECT(!mended);
        mended = mends(va, error);
        if (!mended) {
            fault(frame, TRAP_PAGE_FAULT, va, error);
            return false;
        }
    }
    EXPECT(!write || user_part_is_own((void *)va, sizeof(*word)));
    return true;
}

/* ---- system calls ---- */

/* What a call's arguments are: a letter each, as argument_like has them. Those that need what others have left behind stand
 * here more than once. */
static const struct shape {
    uint16_t number;
    const char *arguments;
} shapes[] = {
    {3, "dpn"},    {3, "dpn"},      {3, "dpn"},   {4, "dpn"},      {4, "dpn"},    {4, "dpn"},
    {42, "p"},     {192, "mlradw"}, {4, "dpn"},   {5, "sf"},       {6, "d"},      {11, "svv"},
    {12, "s"},     {19, "dnw"},     {33, "sw"},   {37, "ig"},      {41, "d"},     {42, "p"},
    {45, "b"},     {54, "dtp"},     {55, "dwn"},  {57, "ii"},      {63, "dd"},    {67, "gSp"},
    {85, "spn"},   {90, "S"},       {91, "ml"},   {114, "ipwp"},   {120, "fppp"}, {125, "mlr"},
    {140, "0npw"}, {145, "dSw"},    {146, "dSw"}, {162, "Sp"},     {168, "Sww"},  {174, "gSp"},
    {175, "wSpn"}, {179, "S"},      {183, "pn"},  {192, "mlradw"}, {195, "sp"},   {197, "dp"},
    {220, "dpn"},  {221, "dfw"},    {243, "S"},   {267, "wwSp"},   {295, "dsf"},  {330, "ddf"},
    {331, "pf"},   {383, "dswnp"},
};

/* Any of the table's numbers, now and then another. */
static unsigned any_number(void) {
    static unsigned number[ARRAY_SIZE(calls)];
    static unsigned count;

    for (unsigned i = count ? ARRAY_SIZE(calls) : 0; i < ARRAY_SIZE(calls); i++)
        if (calls[i])
            number[count++] = i;
    return model_one_in(30) ? model_word() : number[model_below(count)];
}

void make_call(struct trap_frame *frame, unsigned number) {
    frame->eax = number;
    handlers->system_call(frame);
    check_frame(frame);
    if (number != SIGRETURN && number != RT_SIGRETURN) /* what these return is the program's */
        EXPECT(frame->eax != (unsigned)-ERESTART);
    if (frame->eax % PAGE_SIZE == 0 && frame->eax >= USER_START && frame->eax < USER_END)
        last.mapped = frame->eax;
    last.result = frame->eax;
    last.number = number;
}

static void call(struct trap_frame *frame) {
    unsigned *to[] = {&frame->ebx, &frame->ecx, &frame->edx, &frame->esi, &frame->edi, &frame->ebp};
    bool is_any = model_one_in(4);
    const struct shape *shape = &shapes[is_any ? 0 : model_below(ARRAY_SIZE(shapes))];
    const char *arguments = is_any ? "??????" : shape->arguments;
    unsigned number = is_any ? any_number() : shape->number;

    for (unsigned i = 0; arguments[i]; i++)
        *to[i] = argument_like(frame, arguments[i]);
    make_call(frame, number);
}

/* The last call again and again, until descriptors, memory or a pipe's room may have run out. */
static void repeat(struct trap_frame *frame) {
    for (unsigned number = last.number, n = model_one_in(8) ? 48 : model_below(4); n; n--)
        make_call(frame, number);
}

/* ---- what else happens ---- */

static void touch(struct trap_frame *frame) {
    unsigned word = 0;

    access_word(frame, place(frame), model_one_in(2), &word);
}

static void interrupt(struct trap_frame *frame, unsigned passed) {
    ticks += passed;
    frame->vector = TRAP_IRQ + TIMER_IRQ;
    handlers->interrupted(frame);
    check_frame(frame);
}

static void raise_exception(struct trap_frame *frame) {
    static const uint8_t vectors[] = {TRAP_DIVIDE,
                                      TRAP_DEBUG,
                                      TRAP_BREAKPOINT,
                                      TRAP_OVERFLOW,
                                      TRAP_INVALID_OPCODE,
                                      7,
                                      17,
                                      TRAP_GENERAL_PROTECTION,
                                      16,
                                      19};

    fault(frame, vectors[model_below(ARRAY_SIZE(vectors))], 0, 0);
}

/* Registers that calls and handlers look at. */
static void set_registers(struct trap_frame *frame) {
    switch (model_below(4)) {
    case 0: /* a handler returns, if this is one */
        frame->user_esp += 4;
        make_call(frame, RT_SIGRETURN);
        break;
    case 1:
        frame->user_esp = argument(frame);
        break;
    case 2:
        frame->ebp = argument(frame);
        break;
    default:
        load_gs(model_one_in(2) ? USER_TLS : 0);
    }
}

static void act(struct trap_frame *frame) {
    if (!model_goes_on()) {
        signal_send(current, SIGKILL);
        interrupt(frame, 1);
    }
    if (model_leaving() && model_one_in(4))
        model_release();
    switch (model_below(16)) {
    case 0:
        touch(frame);
        break;
    case 1:
    case 2:
        put_words(frame, 1 + model_below(10));
        break;
    case 3:
        put_string(frame);
        break;
    case 4:
        interrupt(frame, model_below(4));
        break;
    case 7:
        repeat(frame);
        break;
    case 5:
        set_registers(frame);
        break;
    case 6:
        if (model_one_in(8))
            raise_exception(frame);
        else
            model_leave(model_below(24));
        break;
    case 8:
    case 9:
        follow_habit(frame);
        break;
    default:
        call(frame);
    }
}

void run_program(struct trap_frame *frame) {
    check_frame(frame);
    for (;;)
        act(frame);
}
