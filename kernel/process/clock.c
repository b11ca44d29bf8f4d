/* Time for programs: ticks of the timer since the start. There is no calendar. */
#include "linux.h"
#include "process_inside.h"
#include "system_calls.h"
#include "timer.h"
#include "user_memory.h"

#define TICK_NS (1000000000 / TIMER_HZ)

static struct timespec time_of(unsigned ticks) {
    return (struct timespec){(int)(ticks / TIMER_HZ), (int)(ticks % TIMER_HZ * TICK_NS)};
}

int sys_clock_gettime(struct trap_frame *frame) {
    const struct timespec now = time_of(timer_ticks());

    return copy_to_user((void *)frame->ecx, &now, sizeof(now));
}

int sys_clock_gettime64(struct trap_frame *frame) {
    const struct timespec now = time_of(timer_ticks());
    const int64_t wide[2] = {now.seconds, now.ns};

    return copy_to_user((void *)frame->ecx, wide, sizeof(wide));
}

int sys_gettimeofday(struct trap_frame *frame) {
    struct timespec now = time_of(timer_ticks());

    now.ns /= 1000;
    return frame->ebx ? copy_to_user((void *)frame->ebx, &now, sizeof(now)) : 0;
}

int sys_time(struct trap_frame *frame) {
    int now = time_of(timer_ticks()).seconds;

    return frame->ebx && copy_to_user((void *)frame->ebx, &now, sizeof(now)) < 0 ? -EFAULT : now;
}

/* Sleeps until tick UNTIL. If a signal interrupts it, stores the remaining time at LEFT, which may be
 * NULL. */
static int sleep_until(unsigned until, void *left) {
    while ((int)(until - timer_ticks()) > 0) {
        if (signal_pending()) {
            const struct timespec rest = time_of(until - timer_ticks());
            return left && copy_to_user(left, &rest, sizeof(rest)) < 0 ? -EFAULT : -EINTR;
        }
        schedule_wait(NULL, &until);
    }
    return 0;
}

#define SLEEP_MAX (INT32_MAX / TIMER_HZ - 1) /* seconds */

static int sleep(const void *wanted, void *left, bool absolute) {
    struct timespec time;

    if (copy_from_user(&time, wanted, sizeof(time)) < 0)
        return -EFAULT;
    if (time.seconds < 0 || time.ns < 0 || time.ns >= 1000000000)
        return -EINVAL;
    unsigned seconds = time.seconds < SLEEP_MAX ? (unsigned)time.seconds : SLEEP_MAX;
    unsigned ticks = seconds * TIMER_HZ + ((unsigned)time.ns + TICK_NS - 1) / TICK_NS;
    return sleep_until(absolute ? ticks : timer_ticks() + ticks, absolute ? NULL : left);
}

int sys_nanosleep(struct trap_frame *frame) { return sleep((void *)frame->ebx, (void *)frame->ecx, false); }

int sys_clock_nanosleep(struct trap_frame *frame) {
    return sleep((void *)frame->edx, (void *)frame->esi, frame->ecx & 1);
}
