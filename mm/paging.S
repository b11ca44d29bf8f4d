/* The three steps that switch paging on, under the names of the field. */

/* PG, and WP: a read-only page is read-only for the kernel too (SDM vol. 3, 2.5). */
#define CR0_PG_WP 0x80010000

#include "lab.h"

    .text

/* paddr_t get_page_directory(void) */
    .globl get_page_directory
get_page_directory:
    mov %cr3, %eax
    ret

/* void set_page_directory(paddr_t directory); drops the whole TLB: no page is global */
    .globl set_page_directory
set_page_directory:
    mov 4(%esp), %eax
    tell LAB_CR3
#ifdef QUIRE_LAB
    mov lab_listener, %ecx
    jecxz 1f
    push %eax
    push %edx
    call *%ecx
    pop %edx
    pop %eax
1:
#endif
    mov %eax, %cr3
    ret

/* void enable_paging(void); firmware may have left WP set or clear. The jump drops what a 486 has fetched
 * before paging was on (SDM vol. 3, 9.9.1); we run from the identity map, so the next address is the same. */
    .globl enable_paging
enable_paging:
    mov %cr0, %eax
    or $CR0_PG_WP, %eax
    mov %eax, %cr0
    jmp 1f
1:  ret

    .section .note.GNU-stack, "", @progbits
