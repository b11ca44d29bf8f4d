/* A boot loader like loader.S, for a processor with long mode. It keeps to the letter of Multiboot 0.6.96, section
 * 3.2, and leaves everything else in disorder: every other flag and control bit, debug
 * registers, MSRs, the descriptor tables, the stack, the x87, the local APIC, the HPET, the real-time clock, and
 * the PICs' masks. */
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

    .globl start
start:
    mov $0xC0000080, %ecx                /* EFER: SCE, LME, NXE */
    mov $0x901, %eax
    xor %edx, %edx
    wrmsr
    mov $0x277, %ecx                     /* PAT: all uncacheable */
    xor %eax, %eax
    wrmsr
    mov $0x174, %ecx                     /* SYSENTER_CS */
    mov $0x08, %eax
    wrmsr
    mov $0x1D9, %ecx                     /* DEBUGCTL: single steps from branch to branch */
    mov $0x02, %eax
    wrmsr

    mov $0xFEE00000, %edi                /* the local APIC */
    movl $0x1FF, 0xF0(%edi)              /* enabled */
    movl $0x10000, 0x350(%edi)           /* LINT0 masked, */
    movl $0x2000E, 0x320(%edi)           /* its timer running, to the page fault's vector */
    movl $0xB, 0x3E0(%edi)
    movl $0x1000, 0x380(%edi)
    movl $3, 0xFED00010                  /* the HPET in the timer's place */
    mov $0x8B, %al                       /* NMI masked, the real-time clock's periodic interrupt on */
    out %al, $0x70
    mov $0x72, %al
    out %al, $0x71

    mov $0x00100000, %eax                /* breakpoints around the kernel's start */
    mov %eax, %dr0
    mov %eax, %dr1
    mov $0x000F270A, %eax                /* for data, and GD: an exception at each access to these registers */
    mov %eax, %dr7

    lgdt with_ldt
    mov $0x08, %eax
    lldt %ax

    mov $0x6FF, %eax                     /* CR4: VME to PGE, OSFXSR, OSXMMEXCPT */
    mov %eax, %cr4

    fninit
    fldcw no_masks
    fldz
    fld1
    fdivp %st, %st(1)                    /* an exception is pending */

    mov $0x11, %al                       /* the PICs as a BIOS leaves them, but no line is masked */
    out %al, $0x20
    out %al, $0xA0
    mov $0x08, %al
    out %al, $0x21
    mov $0x70, %al
    out %al, $0xA1
    mov $0x04, %al
    out %al, $0x21
    mov $0x02, %al
    out %al, $0xA1
    mov $0x01, %al
    out %al, $0x21
    out %al, $0xA1
    xor %eax, %eax
    out %al, $0x21
    out %al, $0xA1

    lgdt nothing
    lidt nothing
    mov $stack, %esp
    push $0x00247CD5                     /* EFLAGS: all but VM, IF, TF and those that are always 0 */
    popf
    mov %cr0, %eax
    or $0x6005000C, %eax                 /* CD, NW, AM, WP, TS, EM */
    and $~0x22, %eax                     /* NE, MP */
    mov %eax, %cr0

    mov magic, %eax
    mov information, %ebx
    mov $0xBADC0DE5, %ecx
    mov %ecx, %edx
    mov %ecx, %esi
    mov %ecx, %edi
    mov %ecx, %ebp
    mov %ecx, %esp
    jmp *entry

    .balign 4
nothing:
    .word 0
    .long 0
    .balign 8
gdt:
    .quad 0
    .word 7, 0, 0x8200, 0                /* an LDT of one entry */
with_ldt:
    .word 15
    .long gdt
no_masks:
    .word 0x340
    .skip 16
stack:
