/* The tests' own boot loader. QEMU starts it as a Multiboot kernel. It starts Quire, which QEMU's "loader" device has
 * put in place, in the same machine state (Multiboot 0.6.96, section 3.2), but for the registers and devices that the
 * test sets. The test writes the words after the mark into the file. */
    .set MAGIC, 0x1BADB002

    .text
    .balign 4
    .long MAGIC, 0, -MAGIC

    .ascii "PATCH ME"
magic:
    .long 0
information:
    .long 0
entry:
    .long 0
eflags:                                  /* 0: as it is. The same for the next two */
    .long 0
cr0:                                     /* these bits are set */
    .long 0
cr4:                                     /* these are what it is */
    .long 0
actions:                                 /* done first: a kind, where, and a value of two words */
    .fill 24 * 4, 4, 0
    .long 0                              /* ends them */
    .set ACTION_OUT, 1
    .set ACTION_MSR, 2
    .set ACTION_STORE, 3                 /* a word */
    .set ACTION_DEBUG, 4                 /* DR0 to DR3, DR7 */
    .set ACTION_DESCRIPTORS, 5           /* the GDT and LDT below, their registers loaded */

    .globl start
start:
    mov $actions, %esi
next:
    lodsl
    mov %eax, %ebp
    test %eax, %eax
    jz done
    lodsl
    mov %eax, %ecx                       /* where */
    lodsl
    mov %eax, %ebx
    lodsl
    mov %eax, %edx
    mov %ebx, %eax                       /* EDX:EAX: the value */
    cmp $ACTION_OUT, %ebp
    je out
    cmp $ACTION_MSR, %ebp
    je msr
    cmp $ACTION_STORE, %ebp
    je store
    cmp $ACTION_DEBUG, %ebp
    je debug
    lgdt gdtr
    mov $0x08, %eax
    lldt %ax
    jmp next
out:
    mov %ecx, %edx
    out %al, %dx
    jmp next
msr:
    wrmsr
    jmp next
store:
    mov %eax, (%ecx)
    jmp next
debug:
    cmp $7, %ecx
    je 7f
    cmp $1, %ecx
    je 1f
    cmp $2, %ecx
    je 2f
    cmp $3, %ecx
    je 3f
    mov %eax, %dr0
    jmp next
1:  mov %eax, %dr1
    jmp next
2:  mov %eax, %dr2
    jmp next
3:  mov %eax, %dr3
    jmp next
7:  mov %eax, %dr7
    jmp next
done:
    mov cr4, %eax
    test %eax, %eax
    jz 1f
    mov %eax, %cr4
1:  mov eflags, %eax
    test %eax, %eax
    jz 2f
    .rept 9
    fld1                                 /* more than the x87 holds: an exception is pending */
    .endr
    mov $stack, %esp
    push %eax
    popf
    mov $0xFFFFFFFF, %esp
2:  mov %cr0, %eax
    or cr0, %eax
    mov %eax, %cr0
    mov magic, %eax
    mov information, %ebx
    jmp *entry

    .balign 8
gdt:
    .quad 0
    .word 7, 0, 0x8200, 0                /* an LDT of one entry */
gdtr:
    .word 15
    .long gdt

    .skip 64
stack:
