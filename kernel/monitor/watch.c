/* The monitor's watch: commands again and again, once a second, until a key is pressed.
 *
 * What they print is held back and compared with what is on the screen, and drawn only if it differs. It is cut to
 * a screenful. Where nobody can press a key, the commands run once. */
#include "command.h"
#include "input.h"
#include "log.h"
#include "monitor.h"
#include "output.h"
#include "string.h"
#include "timer.h"

#define SCREEN_BYTES (16 * 1024) /* a screen of mem at 160 columns, with its colours, takes less */

static struct drawing {
    char text[SCREEN_BYTES];
    size_t length;
} drawings[2];

static void draw(const char *list, const struct drawing *drawing) {
    output_new_page();
    kprintf("%s%s%s: once a second, drawn when it changes; any key ends it%s\n", ink("\033[H\033[J"),
            ink(BOLD), list, ink(PLAIN));
    output_cut(output_rows() - 3);
    log_write(drawing->text, drawing->length);
    unsigned cut = output_uncut();
    if (cut)
        kprintf("%s... and %u more lines\n", ink(PLAIN), cut);
}

static void run(const char *list, struct drawing *drawing) {
    output_hold(drawing->text, sizeof(drawing->text));
    monitor_execute(list);
    drawing->length = output_held();
}

static bool differ(const struct drawing *a, const struct drawing *b) {
    return a->length != b->length || memcmp(a->text, b->text, a->length);
}

/* Until a key is pressed, or a command fails. */
static void watch(const char *list) {
    struct drawing *shown = &drawings[0], *next = &drawings[1];
    unsigned errors = command_errors();
    bool changed = false, hinted = false;

    run(list, shown);
    draw(list, shown);
    while (command_errors() == errors && !output_stopped() && input_wait(TIMER_HZ) < 0) {
        run(list, next);
        if (differ(next, shown)) {
            struct drawing *drawn = next;
            next = shown;
            shown = drawn;
            draw(list, shown);
            changed = true;
        } else if (!changed && !hinted) {
            output_new_page();
            kprintf("nothing changes by itself: let something happen, as in `watch alloc 64K; mem`\n");
            hinted = true;
        }
    }
}

COMMAND(LEARN, 4, watch, .arguments = "CMD", .least = 1, .most = 1, .flags = TAKES_LINE | TAKES_LIST,
        .help = "run CMD once a second, until a key is pressed",
        .detail = "CMD may be several commands. They run once a second, and what they print is drawn when it "
                  "has changed. Any key ends it.",
        .example = "watch alloc 64K; mem")
{
    static bool watching;

    if (watching) {
        command_error("watch cannot watch itself");
        return;
    }
    watching = true;
    if (output_from() == NOBODY)
        monitor_execute(arg[0]);
    else
        watch(arg[0]);
    watching = false;
}
