/* `heap leaks`. */
#ifndef QUIRE_LEAKS_H
#define QUIRE_LEAKS_H

/* Prints what is live by who allocated it; an error line without the debugging heap. */
void leaks_print(void);

#endif
