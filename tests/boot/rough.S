/* A boot loader like loader.S, on a processor with long mode, that keeps to the letter of Multiboot 0.6.96,
 * section 3.2, and leaves in disorder all that it does not promise: every other flag and control bit, the
 * descriptor tables, the stack, the x87, the PAT, long mode's enable bit, and the PICs' masks. */
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
no_masks:
    .word 0x340
    .skip 16
stack:
