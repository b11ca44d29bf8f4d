/* The types and the page arithmetic that every module shares.
 *
 * A physical address is an integer (paddr_t), a virtual one a pointer; uintptr_t appears only inside
 * arithmetic. -Werror=int-conversion turns a mix-up into a build error. Ranges are half-open.
 *
 * For sparse (make lint) a physical address is a pointer into an address space of its own: add, subtract and compare
 * it; whatever else takes it for a number, or a number for it, is an error unless a cast says so. */
#ifndef QUIRE_TYPES_H
#define QUIRE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__CHECKER__) && !defined(ADDRESSES_AS_NUMBERS) /* as the tests write them */
typedef char __attribute__((noderef, address_space(physical))) *paddr_t;
#else
typedef unsigned int paddr_t; /* a physical address below 4 GiB, in bytes */
#endif
typedef unsigned int pfn_t;   /* a page frame number: paddr_t / PAGE_SIZE; 0x100000 is the end of memory */

/* No frame. Frame 0 is never handed out, so 0 is free to mean this. */
#define PADDR_NONE ((paddr_t)0)

#define PAGE_SHIFT 12
#define PAGE_SIZE (1u << PAGE_SHIFT)
#define PAGE_MASK (PAGE_SIZE - 1) /* the offset's bits */

#ifndef FRAMES_MAX /* a proof has fewer */
#define FRAMES_MAX (1u << (32 - PAGE_SHIFT)) /* frames below 4 GiB */
#endif

_Static_assert(sizeof(paddr_t) == 4 && sizeof(void *) == 4, "Quire is a 32-bit kernel");

static inline paddr_t pfn_to_pa(pfn_t pfn) { return (paddr_t)(pfn << PAGE_SHIFT); }

static inline pfn_t pa_to_pfn(paddr_t pa) { return (pfn_t)pa >> PAGE_SHIFT; }

static inline unsigned pa_offset(paddr_t pa) { return (unsigned)pa & PAGE_MASK; } /* in its frame */

static inline paddr_t pa_frame(paddr_t pa) { return (paddr_t)((unsigned)pa & ~PAGE_MASK); } /* its frame's start */

/* Where the first 4 MiB are identity-mapped, and before paging is on, a physical and a virtual address are the same
 * number. */
static inline paddr_t identity_pa(const void *va) { return (paddr_t)(uintptr_t)va; }

static inline void *identity_va(paddr_t pa) { return (void *)(uintptr_t)pa; }

/* The pages that BYTES bytes fill, rounded up; no overflow at any size. */
static inline size_t pages_for(size_t bytes) { return (bytes >> PAGE_SHIFT) + ((bytes & PAGE_MASK) != 0); }

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Which way a branch usually goes. */
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* A slow path: a function of its own, out of line. Call it last, so that the compiler makes the call a jump; the
 * fast path then needs no stack frame and saves no register. */
#define SLOW_PATH __attribute__((noinline))

/* A loop whose body is one load and store, over hundreds of words: four times the body takes a quarter of the
 * counting, which is a third of the loop. */
#define UNROLL _Pragma("GCC unroll 4")

/* A function that does on purpose what C leaves undefined; the sanitizer does not look at it. */
#define UNDEFINED_ON_PURPOSE __attribute__((no_sanitize("undefined")))

#endif
