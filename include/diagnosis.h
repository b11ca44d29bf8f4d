/* What machine this is, on one screen of text: for the report of a machine on which something is wrong. */
#ifndef QUIRE_DIAGNOSIS_H
#define QUIRE_DIAGNOSIS_H

/* From boot_info_memory on. At most 24 lines of 79 characters. */
void diagnosis_print(void);

#endif
