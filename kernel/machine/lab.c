/* The lab's kernel: who listens besides the page, and what it knows (lab.h). Only built with LAB=1. */
#include "lab.h"

void (*lab_listener)(unsigned port, unsigned value);
struct lab_place lab_place;
