/* Streams of operations on pm, over the simulated MMU: the input makes the choices of its model (tests/model/). */
#include "fuzz.h"

#include "../host/machine.h"

#include "../model/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    machine_start();
    model_read(data, size);
    model_pm(2000);
    return 0;
}
