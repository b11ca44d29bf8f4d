/* The terminal. See tty.h.
 *
 * What is typed is edited line by line, or goes through as it is, as the mode says. One session has the terminal:
 * the program that `run` started, with its descendants. They agree on the group among them that reads, and that
 * Ctrl-C interrupts; others read an I/O error. */
#include "tty.h"

#include "input.h"
#include "linux.h"
#include "log.h"
#include "process_inside.h"
#include "string.h"
#include "terminal.h"
#include "user_memory.h"

#define LINE_MAX 1024u
#define READY_MAX 4096u /* a power of two */
#define END_OF_FILE (-1)
#define BACKSPACE 8

static const struct termios usual = {
    .iflag = ICRNL,
    .oflag = OPOST | ONLCR,
    .cflag = 0x04BF, /* 38400 8N1, CREAD, HUPCL */
    .lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
    .cc = {[VINTR] = 3, [VQUIT] = 28, [VERASE] = 127, [VKILL] = 21, [VEOF] = 4, [VMIN] = 1},
};

static struct termios mode;
static int session, owner; /* the session that has the terminal, and its foreground group; 0: none */
static char line[LINE_MAX];
static size_t line_length;
static short ready[READY_MAX]; /* a ring: characters, and ends of file */
static size_t ready_first, ready_count;

/* Gives the terminal to session SESSION, whose first group has the same number; 0 takes it back. */
void tty_give(int new_session) {
    session = owner = new_session;
    mode = usual;
    line_length = ready_count = 0;
    schedule_wake(&mode); /* who waits is of another session now, and waits in vain */
    log_fresh_line();
}

static bool in_foreground(void) { return current->session == session && current->group == owner; }

/* ---- output ---- */

static bool beside; /* a program without the terminal has printed */

/* Call before the current program prints. A program without the terminal starts on a new line. */
void tty_begin_output(void) {
    if (current->session == session || beside)
        return;
    beside = true;
    log_fresh_line();
}

/* Whether programs without the terminal have printed since the last call; if so, ends their last line. */
bool tty_printed_beside(void) {
    bool printed = beside;

    if (printed)
        log_fresh_line();
    beside = false;
    return printed;
}

/* Bypasses the monitor's pager, which would wait for keys that belong to the program. */
static void show(const char *text, size_t n) {
    if (log_capturing())
        log_write(text, n);
    else
        log_pass(text, n);
}

/* N characters have been shown. After each page of them the monitor looks for Ctrl-C: programs run with their own
 * interrupts on, but one call, writev above all, can print for minutes. */
static void let_others_run(size_t n) {
    static size_t shown;

    if ((shown += n) < PAGE_SIZE)
        return;
    shown = 0;
    schedule_interrupted();
    schedule();
}

static int tty_write(struct file *file, const char *buffer, size_t n) {
    size_t done = 0;

    (void)file;
    tty_begin_output();
    for (size_t part; done < n; done += part, buffer += part) {
        if (signal_pending())
            return done ? (int)done : -ERESTART;
        if (!(part = user_part(buffer, n - done, false)))
            return done ? (int)done : -EFAULT;
        show(buffer, part);
        let_others_run(part);
    }
    return (int)done;
}

/* ---- input ---- */

/* How C is echoed. Returns the number of characters, 0 when it is not echoed. */
static size_t echo_text(int c, char text[2]) {
    bool plain = c == '\n' || c == '\t' || (c >= ' ' && c != 127);

    text[0] = plain ? (char)c : '^';
    text[1] = (char)(c ^ 0x40);
    if (!(mode.lflag & ECHO) || (!plain && !(mode.lflag & ECHOCTL)))
        return 0;
    return plain ? 1 : 2;
}

static void echo(int c) {
    char text[2];

    show(text, echo_text(c, text));
}

/* There is room: tty_poll has left some for a line. */
static void make_ready(int c) {
    ready[(ready_first + ready_count++) % READY_MAX] = (short)c;
    schedule_wake(&mode);
}

static void make_line_ready(void) {
    for (size_t i = 0; i < line_length; i++)
        make_ready((uint8_t)line[i]);
    line_length = 0;
}

static void end_line(int last) {
    make_line_ready();
    make_ready(last);
}

/* Removes the line's last character, and from the screen the columns that it takes when echoed in the current mode.
 * A tab counts as one: where it began is not known. */
static void erase(void) {
    char text[2];

    if (line_length == 0)
        return;
    for (size_t columns = echo_text((uint8_t)line[--line_length], text); columns; columns--)
        show("\b \b", 3);
}

/* Whether C is the special character WHICH. 0 stands for none. */
static bool is_special(int c, unsigned which) { return c && c == mode.cc[which]; }

static void edit_line(int c) {
    if (is_special(c, VERASE) || c == BACKSPACE) {
        erase();
    } else if (is_special(c, VKILL)) {
        while (line_length)
            erase();
    } else if (is_special(c, VEOF)) {
        end_line(END_OF_FILE);
    } else if (c == '\n') {
        echo(c);
        end_line(c);
    } else if (line_length < LINE_MAX) {
        line[line_length++] = (char)c;
        echo(c);
    }
}

/* Sends SIGNAL to the foreground group and drops what was typed before. */
static void interrupt(int c, unsigned signal) {
    line_length = ready_count = 0;
    echo(c);
    for (struct process *process = monitor.next; process != &monitor; process = process->next)
        if (process->group == owner)
            signal_send(process, signal);
}

static void take(int c) {
    if (mode.lflag & ISIG && (is_special(c, VINTR) || is_special(c, VQUIT))) {
        interrupt(c, is_special(c, VINTR) ? SIGINT : SIGQUIT);
        return;
    }
    if (c == '\n' && !(mode.iflag & ICRNL))
        c = '\r';
    if (mode.lflag & ICANON) {
        edit_line(c);
    } else {
        make_ready(c);
        echo(c);
    }
}

/* The escape sequence that a terminal sends for KEY (ECMA-48). */
static const char *sequence(int key) {
    static const char *const sequences[] = {"\033[A", "\033[B",  "\033[D",    "\033[C",   "\033[H",
                                            "\033[F", "\033[3~", "\033[1;5D", "\033[1;5C"};
    unsigned i = (unsigned)(key - KEY_UP);

    return i < ARRAY_SIZE(sequences) ? sequences[i] : "";
}

/* Processes the keys typed, if a session has the terminal. */
void tty_poll(void) {
    for (int key; session && ready_count < READY_MAX - LINE_MAX && (key = input_poll()) >= 0;) {
        if (key < KEY_UP)
            take(key);
        else
            for (const char *c = sequence(key); *c; c++)
                take(*c);
    }
}

/* A background process polls as readable: its read fails at once. */
static unsigned tty_events(struct file *file) {
    (void)file;
    return POLLOUT | (ready_count > 0 || !in_foreground() ? POLLIN : 0);
}

/* Waits until there is something to read, unless the mode says that a read may give nothing. 0 or a negative error. */
static int wait_for_input(const struct file *file) {
    while (ready_count == 0) {
        if (!in_foreground())
            return -EIO;
        if (!(mode.lflag & ICANON) && mode.cc[VMIN] == 0)
            return 0;
        if (file->flags & O_NONBLOCK)
            return -EAGAIN;
        if (signal_pending())
            return -ERESTART;
        schedule_wait(&mode, NULL);
    }
    return in_foreground() ? 0 : -EIO;
}

static int next_ready(void) { return ready[ready_first % READY_MAX]; }

static void take_ready(void) {
    ready_first++;
    ready_count--;
}

/* Reads what is ready: at most N characters, in line mode at most one line. An end of file ends the read of the
 * characters before it, even when they fill the buffer, and no other. */
static int tty_read(struct file *file, char *buffer, size_t n) {
    int error = wait_for_input(file);
    size_t done = 0;

    if (error < 0)
        return error;
    while (done < n && ready_count) {
        int c = next_ready();

        if (c != END_OF_FILE && copy_to_user(buffer, &(char){(char)c}, 1) < 0)
            return done ? (int)done : -EFAULT;
        take_ready();
        if (c == END_OF_FILE)
            return (int)done;
        buffer++;
        done++;
        if (mode.lflag & ICANON && c == '\n')
            return (int)done;
    }
    if (done && ready_count && next_ready() == END_OF_FILE)
        take_ready();
    return (int)done;
}

/* ---- its mode and size ---- */

static int give_size(void *argument) {
    const struct screen *screen = terminal_screen();
    const struct winsize size = {.rows = (uint16_t)(screen ? screen->rows : 24),
                                 .columns = (uint16_t)(screen ? screen->columns : 80)};

    return copy_to_user(argument, &size, sizeof(size));
}

static int tty_control(unsigned request, void *argument) {
    struct termios wanted;
    int group;

    switch (request) {
    case TCGETS:
        return copy_to_user(argument, &mode, sizeof(mode));
    case TCSETS:
    case TCSETS + 1: /* output is never held back: TCSETSW */
    case TCSETSF:
        if (copy_from_user(&wanted, argument, sizeof(wanted)) < 0)
            return -EFAULT;
        if (current->session != session)
            return -EIO;
        mode = wanted;
        if (request == TCSETSF)
            line_length = ready_count = 0;
        if (!(mode.lflag & ICANON))
            make_line_ready();
        return 0;
    case TIOCGWINSZ:
        return give_size(argument);
    case TIOCGPGRP:
        return copy_to_user(argument, &owner, sizeof(owner));
    case TIOCSPGRP:
        if (current->session != session)
            return -EPERM;
        if (copy_from_user(&group, argument, sizeof(group)) < 0)
            return -EFAULT;
        owner = group;
        schedule_wake(&mode);
        return 0;
    default:
        return -ENOTTY;
    }
}

const struct file_type tty_type = {.mode = S_IFCHR | 0620,
                                   .read = tty_read,
                                   .write = tty_write,
                                   .events = tty_events,
                                   .control = tty_control};
