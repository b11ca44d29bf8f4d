# Helpers for gdb on Quire; `make debug` loads them. `help user-defined` lists them.
#
# The page tables are read as Quire itself reads them, through the recursive window: the directory at
# 0xfffff000, table I at 0xffc00000 + I * 4096.

set confirm off
set pagination off
set print pretty on
set disassembly-flavor intel
set breakpoint pending on

define quire-entry
    # $arg0: an entry's value
    printf "0x%08x", $arg0
    if $arg0 & 1
        printf "  frame 0x%08x", $arg0 & 0xfffff000
        if $arg0 & 2
            printf " rw"
        else
            printf " ro"
        end
        if $arg0 & 4
            printf " user"
        end
        if $arg0 & 0x20
            printf " accessed"
        end
        if $arg0 & 0x40
            printf " dirty"
        end
    else
        printf "  absent"
    end
    printf "\n"
end
document quire-entry
The page-directory or page-table entry VALUE in words: quire-entry VALUE
end

define walk
    set $quire_va = (unsigned int)($arg0)
    set $quire_pdi = $quire_va >> 22
    set $quire_pti = $quire_va >> 12 & 1023
    set $quire_cr0 = (unsigned int)$cr0
    printf "0x%08x = PDI %u | PTI %u | offset 0x%03x\n", $quire_va, $quire_pdi, $quire_pti, $quire_va & 0xfff
    if !($quire_cr0 & 0x80000000)
        printf "paging is off: the address is physical\n"
    else
        printf "CR3       0x%08x\n", (unsigned int)$cr3
        set $quire_pde = *(unsigned int *)(0xfffff000 + $quire_pdi * 4)
        printf "PD[%4u]  ", $quire_pdi
        quire-entry $quire_pde
        if $quire_pde & 1
            set $quire_pte = *(unsigned int *)(0xffc00000 + $quire_pdi * 4096 + $quire_pti * 4)
            printf "PT[%4u]  ", $quire_pti
            quire-entry $quire_pte
            if $quire_pte & 1
                printf "0x%08x -> 0x%08x\n", $quire_va, ($quire_pte & 0xfffff000) | ($quire_va & 0xfff)
            else
                printf "0x%08x -> not mapped: PT[%u] absent\n", $quire_va, $quire_pti
            end
        else
            printf "0x%08x -> not mapped: PD[%u] absent\n", $quire_va, $quire_pdi
        end
    end
end
document walk
The four steps of translating an address, with the live entries: walk ADDRESS
end

define quire-table
    # $arg0: PD or PT, $arg1: the table's address in the window
    set $quire_i = 0
    while $quire_i < 1024
        set $quire_value = ((unsigned int *)$arg1)[$quire_i]
        if $quire_value & 1
            printf "$arg0[%4u]  ", $quire_i
            quire-entry $quire_value
        end
        set $quire_i = $quire_i + 1
    end
end
document quire-table
The present entries of a table: quire-table NAME ADDRESS
end

define pd
    quire-table PD 0xfffff000
end
document pd
The present entries of the page directory.
end

define pt
    if (*(unsigned int *)(0xfffff000 + ($arg0) * 4)) & 1
        quire-table PT (0xffc00000+($arg0)*4096)
    else
        printf "PD[%u] is absent\n", $arg0
    end
end
document pt
The present entries of page table I: pt I
end

define program
    add-symbol-file build/user/$arg0.debug
end
document program
Read the symbols of a program in user/, so that `break main` stops in it when it runs: program NAME
end

define stop-at-faults
    break panic_at
    break exception_common
end
document stop-at-faults
Stop where a panic or an exception is about to be reported; `bt` then shows who caused it.
end

echo Quire waits before its first instruction. continue boots it; then type at its prompt. Ctrl-C comes back to gdb.\n
echo break kmain stops at its start. walk ADDRESS, pd, pt I, program NAME, stop-at-faults: help user-defined\n
