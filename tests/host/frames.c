/* The frame records' place on the build machine: plain memory, whatever the simulated MMU maps at FRAMES_START. */
#include "frames.h"

frame_t pm_frames[FRAMES_MAX];
