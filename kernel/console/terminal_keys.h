/* A terminal's bytes as keys. */
#ifndef QUIRE_TERMINAL_KEYS_H
#define QUIRE_TERMINAL_KEYS_H

#include "types.h"

enum terminal_state {
    STATE_TEXT,
    STATE_ESCAPE,   /* after ESC */
    STATE_CHARSET,  /* after ESC and an intermediate byte, to the final byte */
    STATE_SEQUENCE, /* after ESC [, to the final byte */
    STATE_SHIFT,    /* after ESC O, to the final byte */
    STATE_STRING,   /* after ESC ] and the like, to ESC \ or BEL */
};

/* All zeros at first. */
struct terminal_keys {
    enum terminal_state state;
    unsigned parameter; /* the control sequence's last so far */
    unsigned following; /* bytes still to come that belong to the sequence just ended */
    bool bare;          /* the sequence has no parameter */
    bool private_use;   /* the sequence has a '?' */
    bool after_cr;
    bool likely;   /* a CR or an escape sequence has come: see input_terminal_likely */
    bool answered; /* a device-attributes answer has come */
};

/* The key (input.h) that BYTE completes, or -1. */
int terminal_key(struct terminal_keys *terminal, uint8_t byte);

#endif
