/* The processor: one function for each instruction that C has no word for. All inline assembly is here.
 *
 * mm/ reaches the hardware only through read_entry, write_entry, flush_page and the functions of
 * mm/paging.S, so that the same source runs on the build machine over a simulated MMU. */
#ifndef QUIRE_CPU_H
#define QUIRE_CPU_H

#include "lab.h"
#include "types.h"

#define CR0_PE 0x00000001u
#define CR0_MP 0x00000002u
#define CR0_EM 0x00000004u
#define CR0_TS 0x00000008u
#define CR0_NE 0x00000020u
#define CR0_WP 0x00010000u
#define CR0_AM 0x00040000u
#define CR0_NW 0x20000000u
#define CR0_CD 0x40000000u
#define CR0_PG 0x80000000u

#define CR4_OSFXSR 0x00000200u     /* FXSAVE and SSE are there */
#define CR4_OSXMMEXCPT 0x00000400u /* SSE exceptions have a vector of their own */

#define EFLAGS_PROGRAM 0x00244DD5u /* what ring 3 may set by POPF: CF PF AF ZF SF TF DF OF NT AC ID */
#define EFLAGS_CF 0x00000001u
#define EFLAGS_TF 0x00000100u
#define EFLAGS_IF 0x00000200u
#define EFLAGS_DF 0x00000400u
#define EFLAGS_NT 0x00004000u
#define EFLAGS_AC 0x00040000u
#define EFLAGS_ID 0x00200000u

/* For the lab (lab.h). */
static inline void outl(uint16_t port, unsigned value) {
    __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

static inline unsigned inl(uint16_t port) {
    unsigned value;
    __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

/* ---- page-table entries ---- */

/* Volatile: entries are memory that the processor writes too, when it sets accessed and dirty bits. */
static inline unsigned read_entry(const volatile unsigned *entry) { return *entry; }

/* One aligned store: the processor never sees half an entry (SDM vol. 3, 4.10.4). */
static inline void write_entry(volatile unsigned *entry, unsigned value) {
    lab(LAB_ENTRY, (uintptr_t)entry);
    *entry = value;
    lab(LAB_VALUE, value);
}

/* Drops the TLB entries of VA's page, and every cached directory entry (SDM vol. 3, 4.10.4.1). 486 up. */
static inline void flush_page(const void *va) {
    lab(LAB_FLUSH, (uintptr_t)va);
    __asm__ volatile("invlpg %0" : : "m"(*(const char *)va) : "memory");
}

#ifdef QUIRE_LAB
static inline void write_entry_at(struct lab_place place, volatile unsigned *entry, unsigned value) {
    lab_place = place;
    write_entry(entry, value);
}

static inline void flush_page_at(struct lab_place place, const void *va) {
    lab_place = place;
    flush_page(va);
}

#define write_entry(entry, value) write_entry_at(LAB_HERE, entry, value)
#define flush_page(va) flush_page_at(LAB_HERE, va)
#endif

/* ---- control registers ---- */

static inline unsigned read_cr0(void) {
    unsigned value;
    __asm__ volatile("mov %%cr0, %0" : "=r"(value));
    return value;
}

static inline void write_cr0(unsigned value) { __asm__ volatile("mov %0, %%cr0" : : "r"(value) : "memory"); }

/* The address of the last page fault. */
static inline unsigned read_cr2(void) {
    unsigned value;
    __asm__ volatile("mov %%cr2, %0" : "=r"(value));
    return value;
}

/* Where the processor has no CR4 this is an invalid opcode: ask cpu_has_cr4 first. */
static inline unsigned read_cr4(void) {
    unsigned value;
    __asm__ volatile("mov %%cr4, %0" : "=r"(value));
    return value;
}

static inline void write_cr4(unsigned value) { __asm__ volatile("mov %0, %%cr4" : : "r"(value) : "memory"); }

static inline unsigned read_dr7(void) {
    unsigned value;
    __asm__ volatile("mov %%dr7, %0" : "=r"(value));
    return value;
}

static inline void write_dr6(unsigned value) { __asm__ volatile("mov %0, %%dr6" : : "r"(value)); }

/* 0: no breakpoint is on. */
static inline void write_dr7(unsigned value) { __asm__ volatile("mov %0, %%dr7" : : "r"(value) : "memory"); }

/* The x87 to its state after reset, without waiting for one: harmless where there is none. */
static inline void fninit(void) { __asm__ volatile("fninit"); }

static inline unsigned read_eflags(void) {
    unsigned value;
    __asm__ volatile("pushf\n\tpop %0" : "=r"(value));
    return value;
}

static inline void write_eflags(unsigned value) {
    __asm__ volatile("push %0\n\tpopf" : : "r"(value) : "cc", "memory");
}

struct cpuid {
    unsigned eax, ebx, ecx, edx;
};

/* Where EFLAGS.ID cannot be changed there is no CPUID: ask cpu_has_cpuid first. */
static inline struct cpuid cpuid(unsigned leaf) {
    struct cpuid id;
    __asm__ volatile("cpuid" : "=a"(id.eax), "=b"(id.ebx), "=c"(id.ecx), "=d"(id.edx) : "a"(leaf), "c"(0));
    return id;
}

/* The time-stamp counter: CPUID.1:EDX bit 4 tells whether there is one. */
static inline uint64_t rdtsc(void) {
    uint64_t ticks;
    __asm__ volatile("rdtsc" : "=A"(ticks));
    return ticks;
}

/* Model-specific registers: CPUID.1:EDX bit 5 tells whether there are any. */
static inline uint64_t rdmsr(unsigned msr) {
    uint64_t value;
    __asm__ volatile("rdmsr" : "=A"(value) : "c"(msr));
    return value;
}

static inline void wrmsr(unsigned msr, uint64_t value) {
    __asm__ volatile("wrmsr" : : "c"(msr), "A"(value) : "memory");
}

/* Writes back and empties the caches. */
static inline void wbinvd(void) { __asm__ volatile("wbinvd" : : : "memory"); }

/* ---- descriptor tables ---- */

struct descriptor_table { /* the operand of LGDT and LIDT */
    uint16_t limit;
    uint32_t base;
} __attribute__((packed));

static inline void lidt(const struct descriptor_table *table) { __asm__ volatile("lidt %0" : : "m"(*table)); }

static inline void sidt(struct descriptor_table *table) { __asm__ volatile("sidt %0" : "=m"(*table)); }

/* The kernel uses neither FS nor GS. A selector that may not be loaded is a general protection fault. */
static inline void load_fs(uint16_t selector) { __asm__ volatile("mov %0, %%fs" : : "r"(selector)); }
static inline void load_gs(uint16_t selector) { __asm__ volatile("mov %0, %%gs" : : "r"(selector)); }

static inline uint16_t read_fs(void) {
    uint16_t selector;
    __asm__ volatile("mov %%fs, %0" : "=r"(selector));
    return selector;
}

static inline uint16_t read_gs(void) {
    uint16_t selector;
    __asm__ volatile("mov %%gs, %0" : "=r"(selector));
    return selector;
}

/* 0: there is no local descriptor table. */
static inline void lldt(uint16_t selector) { __asm__ volatile("lldt %0" : : "r"(selector)); }

static inline void ltr(uint16_t selector) { __asm__ volatile("ltr %0" : : "r"(selector)); }

/* ---- the x87 and SSE registers: 512 bytes, 16-byte aligned, or 108 ---- */

static inline void fxsave(void *state) { __asm__ volatile("fxsave %0" : "=m"(*(char(*)[512])state)); }
static inline void fxrstor(const void *state) {
    __asm__ volatile("fxrstor %0" : : "m"(*(const char(*)[512])state));
}
static inline void fnsave(void *state) { __asm__ volatile("fnsave %0" : "=m"(*(char(*)[108])state)); }
static inline void fnclex(void) { __asm__ volatile("fnclex"); }
static inline void frstor(const void *state) {
    __asm__ volatile("frstor %0" : : "m"(*(const char(*)[108])state));
}

/* ---- blocks of memory ---- */

/* Each moves its pointers past what was done. DF is clear in C code (System V ABI, i386), and trap_common
 * sees to it. */
static inline void copy_words(void **to, const void **from, size_t words) {
    uintptr_t block = (uintptr_t)*to, length = words;
    __asm__ volatile("rep movsl" : "+D"(*to), "+S"(*from), "+c"(words) : : "memory");
    lab(LAB_BLOCK, block);
    lab(LAB_WORDS, length);
}

static inline void copy_bytes(void **to, const void **from, size_t bytes) {
    __asm__ volatile("rep movsb" : "+D"(*to), "+S"(*from), "+c"(bytes) : : "memory");
}

static inline void store_words(void **to, unsigned word, size_t words) {
    uintptr_t block = (uintptr_t)*to, length = words;
    __asm__ volatile("rep stosl" : "+D"(*to), "+c"(words) : "a"(word) : "memory");
    lab(LAB_BLOCK, block);
    lab(LAB_WORDS, length);
}

static inline void store_bytes(void **to, unsigned byte, size_t bytes) {
    __asm__ volatile("rep stosb" : "+D"(*to), "+c"(bytes) : "a"(byte) : "memory");
}

/* How many of the WORDS words at AT, at least one, are zero before the first that is not. */
static inline size_t zero_words(const void *at, size_t words) {
    size_t left = words;
    bool zero;
    __asm__ volatile("repe scasl" : "+D"(at), "+c"(left), "=@cce"(zero) : "a"(0) : "memory");
    /* cppcheck-suppress duplicateExpression ; the instruction changes LEFT */
    return words - left - !zero;
}

/* Whether all of the WORDS words at AT, at least one, are WORD. */
static inline bool words_are(const void *at, unsigned word, size_t words) {
    bool equal;
    __asm__ volatile("repe scasl" : "+D"(at), "+c"(words), "=@cce"(equal) : "a"(word) : "memory");
    return equal;
}

/* From the last byte to the first, for blocks that overlap. */
static inline void copy_bytes_down(void *to, const void *from, size_t bytes) {
    char *last_to = (char *)to + bytes - 1;
    const char *last_from = (const char *)from + bytes - 1;
    __asm__ volatile("std\n\trep movsb\n\tcld" : "+D"(last_to), "+S"(last_from), "+c"(bytes) : : "memory");
}

/* ---- interrupts ---- */

static inline void cli(void) { __asm__ volatile("cli" : : : "memory"); }

static inline void sti(void) { __asm__ volatile("sti" : : : "memory"); }

/* Halts with interrupts on until one has been served. STI takes effect after the next instruction (SDM
 * vol. 2, STI), so that none can slip in between and leave the processor asleep. */
static inline void wait_for_interrupt(void) { __asm__ volatile("sti\n\thlt\n\tcli" : : : "memory"); }

/* Lets interrupts in that are waiting, and does not wait for any. */
static inline void serve_interrupts(void) { __asm__ volatile("sti\n\tnop\n\tcli" : : : "memory"); }

static inline void halt(void) { __asm__ volatile("hlt" : : : "memory"); }

/* VECTOR, a constant, as if it had come from outside. */
#define software_interrupt(vector) __asm__ volatile("int %0" : : "i"(vector) : "memory")

static inline void breakpoint(void) { __asm__ volatile("int3"); }

/* ---- ports ---- */

static inline uint8_t inb(uint16_t port) {
    uint8_t value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline void outb(uint16_t port, uint8_t value) {
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

#endif
