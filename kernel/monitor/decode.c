/* The decoder: memory operands of 32-bit code, and the two instructions that flush the TLB.
 *
 * It knows the opcodes that compilers use for stores, and their addressing forms (SDM vol. 2, 2.1 and appendix
 * A). PUSH, CALL and the like are left out: they write to the stack only. */
#include "decode.h"

static unsigned register_value(const struct trap_frame *f, unsigned number) {
    const unsigned value[] = {f->eax, f->ecx, f->edx, f->ebx, frame_esp(f), f->ebp, f->esi, f->edi};

    return value[number & 7];
}

/* The displacement at AT that a ModRM byte with MOD asks for. */
static unsigned displacement(const uint8_t *at, unsigned mod) {
    unsigned value = 0;

    if (mod == 1)
        return (unsigned)(signed char)*at;
    if (mod == 2)
        __builtin_memcpy(&value, at, sizeof(value));
    return value;
}

/* The address that the ModRM byte at MODRM (mod is not 3) stands for. */
static uintptr_t operand_address(const struct trap_frame *frame, const uint8_t *modrm) {
    unsigned mod = *modrm >> 6, rm = *modrm & 7, base = rm;
    const uint8_t *next = modrm + 1;
    uintptr_t address = 0;

    if (rm == 4) { /* a SIB byte: scale, index, base */
        unsigned index = *next >> 3 & 7;
        base = *next & 7;
        if (index != 4)
            address = register_value(frame, index) << (*next >> 6);
        next++;
    }
    if (base == 5 && mod == 0)
        mod = 2; /* 32 bits, no base */
    else
        address += register_value(frame, base);
    return address + displacement(next, mod);
}

static bool is_prefix(uint8_t byte) {
    return byte == 0x66 || byte == 0xF0 || byte == 0xF2 || byte == 0xF3 || (byte & 0xE7) == 0x26 ||
           byte == 0x64 || byte == 0x65;
}

/* OPCODE, of one byte, has a ModRM byte and may write its memory operand. */
static bool may_write(uint8_t opcode) {
    if (opcode < 0x40)
        return (opcode & 7) < 2; /* arithmetic into memory */
    return (opcode >= 0x80 && opcode <= 0x83) || (opcode >= 0x86 && opcode <= 0x89) || opcode == 0x8F ||
           opcode == 0xC0 || opcode == 0xC1 || opcode == 0xC6 || opcode == 0xC7 ||
           (opcode >= 0xD0 && opcode <= 0xD3) || opcode == 0xF6 || opcode == 0xF7 || opcode >= 0xFE;
}

/* The same for 0F OPCODE: SETcc, the bit instructions, CMPXCHG, XADD. */
static bool may_write_0f(uint8_t opcode) {
    return (opcode & 0xF0) == 0x90 || opcode == 0xAB || opcode == 0xB3 || opcode == 0xBB || opcode == 0xBA ||
           opcode == 0xB0 || opcode == 0xB1 || opcode == 0xC0 || opcode == 0xC1;
}

/* The address that the instruction at CODE may write, or 0. */
static uintptr_t written_address(const struct trap_frame *frame, const uint8_t *code) {
    bool two = code[0] == 0x0F;
    const uint8_t *modrm = code + 1 + two;

    if ((code[0] & 0xFC) == 0xA0) /* MOV between the accumulator and an address */
        return displacement(code + 1, 2);
    if ((code[0] & 0xFE) == 0xAA || (code[0] & 0xFE) == 0xA4) /* STOS, MOVS */
        return frame->edi;
    if ((two ? !may_write_0f(code[1]) : !may_write(code[0])) || *modrm >> 6 == 3)
        return 0;
    return operand_address(frame, modrm);
}

/* The effect of the instruction at FRAME's EIP. */
struct effect decode(const struct trap_frame *frame) {
    const uint8_t *code = (const uint8_t *)frame->eip;

    while (is_prefix(*code))
        code++;
    unsigned reg = code[2] >> 3 & 7;
    if (code[0] == 0x0F && code[1] == 0x01 && reg == 7 && code[2] >> 6 != 3) /* INVLPG */
        return (struct effect){.flushes = FLUSHES_PAGE, .operand = operand_address(frame, code + 2)};
    if (code[0] == 0x0F && code[1] == 0x22 && reg == 3) /* MOV to CR3 */
        return (struct effect){.flushes = FLUSHES_ALL, .operand = register_value(frame, code[2])};
    return (struct effect){.written = written_address(frame, code)};
}
