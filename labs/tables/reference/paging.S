/* Lab tables, a plain solution: the three functions in assembly. */

/* paddr_t get_page_directory(void) */
    .globl get_page_directory
get_page_directory:
    mov %cr3, %eax
    ret

/* void set_page_directory(paddr_t directory) */
    .globl set_page_directory
set_page_directory:
    mov 4(%esp), %eax
    mov %eax, %cr3
    ret

/* void enable_paging(void): PG and WP. */
    .globl enable_paging
enable_paging:
    mov %cr0, %eax
    or $0x80010000, %eax
    mov %eax, %cr0
    jmp 1f
1:  ret
