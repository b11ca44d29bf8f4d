/** The I/O ports on which the kernel tells what it does: include/lab.h. */
export const PORT = {
    ENTRY: 0x51e0, VALUE: 0x51e4, FLUSH: 0x51e8, CR3: 0x51ec, BLOCK: 0x51f0, WORDS: 0x51f4,
    SPACE: 0x51f8, DIRECTORY: 0x51fc, NAME: 0x5200, PID: 0x5204, FAULT_BY: 0x5208, FAULT: 0x520c,
};

/** And the one on which it asks how many periods of the timer have passed since it asked last. */
export const PERIODS = 0x5210;
