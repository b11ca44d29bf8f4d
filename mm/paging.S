/* The three steps that switch paging on, under the names of the field. */

#define CR0_WP 0x00010000 /* a read-only page is read-only for the kernel too (SDM vol. 3, 2.5) */
#define CR0_PG 0x80000000

    .text

/* paddr_t get_page_directory(void) */
    .globl get_page_directory
    .type get_page_directory, @function
get_page_directory:
    mov %cr3, %eax
    ret
    .size get_page_directory, . - get_page_directory

/* void set_page_directory(paddr_t directory); drops the whole TLB: no page is global */
    .globl set_page_directory
    .type set_page_directory, @function
set_page_directory:
    mov 4(%esp), %eax
    mov %eax, %cr3
    ret
    .size set_page_directory, . - set_page_directory

/* void enable_paging(void); firmware may have left WP set or clear. The jump drops what a 486 has fetched
 * before paging was on (SDM vol. 3, 9.9.1); we run from the identity map, so the next address is the same. */
    .globl enable_paging
    .type enable_paging, @function
enable_paging:
    mov %cr0, %eax
    or $(CR0_PG | CR0_WP), %eax
    mov %eax, %cr0
    jmp 1f
1:  ret
    .size enable_paging, . - enable_paging

    .section .note.GNU-stack, "", @progbits
