/* The diagnosis: what machine this is, on one screen of text, for a report of a problem. */
#ifndef QUIRE_DIAGNOSIS_H
#define QUIRE_DIAGNOSIS_H

/* Prints it: at most 24 lines of 79 characters. Callable once boot_info_memory has run, before paging too. */
void diagnosis_print(void);

#endif
