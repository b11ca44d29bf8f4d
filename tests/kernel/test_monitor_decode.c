/* The tracer's decoder: each addressing form, and each kind of store, against its encoding (SDM vol. 2, 2.1). */
#include "../../kernel/monitor/decode.h"

#include "ktest.h"
#include "types.h"

#define EAX 0x00001000u
#define ECX 0x00000020u
#define EDX 0x00003000u
#define EBX 0x00004000u
#define ESP 0x00005000u
#define EBP 0x00006000u
#define ESI 0x00007000u
#define EDI 0x00008000u

static const struct {
    const char *code, *text;
    uintptr_t written;
} stores[] = {
    {"\x89\x10", "mov %edx, (%eax)", EAX},
    {"\x89\x50\x08", "mov %edx, 8(%eax)", EAX + 8},
    {"\x89\x50\xf8", "mov %edx, -8(%eax)", EAX - 8},
    {"\x89\x90\x00\x01\x00\x00", "mov %edx, 0x100(%eax)", EAX + 0x100},
    {"\x89\x15\x00\xf0\xff\xff", "mov %edx, 0xfffff000", 0xFFFFF000},
    {"\x89\x14\x88", "mov %edx, (%eax,%ecx,4)", EAX + ECX * 4},
    {"\x89\x54\x88\x04", "mov %edx, 4(%eax,%ecx,4)", EAX + ECX * 4 + 4},
    {"\x89\x14\x8d\x00\x00\xc0\xff", "mov %edx, 0xffc00000(,%ecx,4)", 0xFFC00000 + ECX * 4},
    {"\x89\x54\x8d\x00", "mov %edx, (%ebp,%ecx,4)", EBP + ECX * 4},
    {"\x89\x14\x24", "mov %edx, (%esp)", ESP},
    {"\x89\x55\x00", "mov %edx, (%ebp)", EBP},
    {"\xa3\x00\xf0\xff\xff", "mov %eax, 0xfffff000", 0xFFFFF000},
    {"\xc7\x03\x00\x00\x00\x00", "movl $0, (%ebx)", EBX},
    {"\x66\x89\x13", "mov %dx, (%ebx)", EBX},
    {"\x88\x13", "mov %dl, (%ebx)", EBX},
    {"\x09\x13", "or %edx, (%ebx)", EBX},
    {"\x83\x23\xfd", "andl $-3, (%ebx)", EBX},
    {"\x81\x23\xfd\xff\xff\xff", "andl $0xfffffffd, (%ebx)", EBX},
    {"\xff\x03", "incl (%ebx)", EBX},
    {"\x87\x13", "xchg %edx, (%ebx)", EBX},
    {"\xf0\x0f\xb1\x13", "lock cmpxchg %edx, (%ebx)", EBX},
    {"\x0f\xba\x33\x01", "btrl $1, (%ebx)", EBX},
    {"\xf3\xab", "rep stos %eax, (%edi)", EDI},
    {"\xa5", "movsl (%esi), (%edi)", EDI},
    {"\x89\xd0", "mov %edx, %eax", 0},
    {"\x8b\x13", "mov (%ebx), %edx", 0},
    {"\x85\x13", "test %edx, (%ebx)", 0},
    {"\x90", "nop", 0},
};

static struct trap_frame frame_at(const char *code) {
    return (struct trap_frame){.edi = EDI,
                               .esi = ESI,
                               .ebp = EBP,
                               .esp_at_pusha = ESP - 5 * 4,
                               .ebx = EBX,
                               .edx = EDX,
                               .ecx = ECX,
                               .eax = EAX,
                               .eip = (unsigned)(uintptr_t)code};
}

KTEST(monitor_decode_finds_what_a_store_writes)
{
    for (size_t i = 0; i < ARRAY_SIZE(stores); i++) {
        struct trap_frame frame = frame_at(stores[i].code);
        struct effect effect = decode(&frame);

        if (effect.written != stores[i].written || effect.flushes != FLUSHES_NOTHING)
            ktest_fail(__FILE__, __LINE__, "%s: writes 0x%08x, not 0x%08x", stores[i].text,
                       (unsigned)effect.written, (unsigned)stores[i].written);
    }
}

KTEST(monitor_decode_knows_the_flushes)
{
    struct trap_frame frame = frame_at("\x0f\x01\x3c\x88"); /* invlpg (%eax,%ecx,4) */
    struct effect effect = decode(&frame);

    KCHECK_EQ(effect.flushes, FLUSHES_PAGE);
    KCHECK_EQ(effect.operand, EAX + ECX * 4);
    frame = frame_at("\x0f\x22\xda"); /* mov %edx, %cr3 */
    effect = decode(&frame);
    KCHECK_EQ(effect.flushes, FLUSHES_ALL);
    KCHECK_EQ(effect.operand, EDX);
    frame = frame_at("\x0f\x22\xc2"); /* mov %edx, %cr0 */
    KCHECK_EQ(decode(&frame).flushes, FLUSHES_NOTHING);
    frame = frame_at("\x0f\x01\x18"); /* lidt (%eax) */
    KCHECK_EQ(decode(&frame).flushes, FLUSHES_NOTHING);
}
