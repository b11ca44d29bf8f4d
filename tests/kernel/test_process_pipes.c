/* Pipes: what goes in comes out, byte by byte, and who waits for what. */
#include "process.h"

#include "../../kernel/process/process_inside.h"
#include "ktest.h"
#include "puppet.h"
#include "string.h"
#include "support.h"

#define PLACE PUPPET_AREA
#define MORE (PLACE + PAGE_SIZE)
#define END (PLACE + PUPPET_AREA_PAGES * PAGE_SIZE) /* nothing is there */

static unsigned word(unsigned i) { return ((unsigned *)PLACE)[i]; }

static uint8_t number(unsigned i) { return (uint8_t)(i * 7 / 3); }

/* The N numbers from FIRST on, at AT. */
static void put_numbers_at(unsigned at, unsigned first, unsigned n) {
    uint8_t *bytes = (void *)at;

    for (unsigned i = 0; i < n; i++)
        bytes[i] = number(first + i);
}

static bool are_numbers_at(unsigned at, unsigned first, unsigned n) {
    for (unsigned i = 0; i < n; i++)
        if (((uint8_t *)at)[i] != number(first + i))
            return false;
    return true;
}

static void put_numbers(unsigned first, unsigned n) { put_numbers_at(PLACE, first, n); }
static bool are_numbers(unsigned first, unsigned n) { return are_numbers_at(PLACE, first, n); }

/* ---- a pipe's two ends ---- */

static void pipe_ends(void) {
    const struct stat64 *stat = (const struct stat64 *)MORE;

    EXPECT(0, SYS_PIPE2, PLACE, O_NONBLOCK | O_CLOEXEC);
    KCHECK(word(0) == 3 && word(1) == 4);
    KCHECK_EQ(current->files.close_on_exec, 1u << 3 | 1u << 4);
    EXPECT(O_NONBLOCK, SYS_FCNTL, 3, F_GETFL);
    EXPECT(O_NONBLOCK | O_WRONLY, SYS_FCNTL, 4, F_GETFL);
    EXPECT(-EBADF, SYS_READ, 4, PLACE, 1);
    EXPECT(-EBADF, SYS_WRITE, 3, PLACE, 1);

    EXPECT(0, SYS_PIPE, PLACE, O_NONBLOCK | O_CLOEXEC); /* which this call does not take */
    KCHECK(word(0) == 5 && word(1) == 6);
    EXPECT(0, SYS_FCNTL, 5, F_GETFL);
    EXPECT(0, SYS_FCNTL, 5, F_GETFD);
    EXPECT(0, SYS_FCNTL, 6, F_GETFD);
    EXPECT(0, SYS_FCNTL, 6, F_SETFL, ~0u);
    EXPECT(O_NONBLOCK | O_WRONLY, SYS_FCNTL, 6, F_GETFL);
    EXPECT(0, SYS_FCNTL, 6, F_SETFL, 0);
    EXPECT(O_WRONLY, SYS_FCNTL, 6, F_GETFL);
    for (unsigned fd = 5; fd <= 6; fd++) {
        KCHECK_EQ(CALL(SYS_FSTAT64, fd, MORE), 0);
        KCHECK(stat->mode == (S_IFIFO | 0600) && stat->size == 0 && stat->rdev == 0);
    }
}

KTEST(process_pipe_ends_have_descriptors_and_flags)
{ puppet_checks(pipe_ends); }

/* Its reader gets what there is, and the end of file only when nobody can write any more. */
static void last_writer(void) {
    EXPECT(0, SYS_PIPE2, PLACE, O_NONBLOCK);
    EXPECT(3, SYS_WRITE, 4, PLACE, 3);
    EXPECT(5, SYS_DUP, 4);
    EXPECT(0, SYS_CLOSE, 4);
    EXPECT(3, SYS_READ, 3, PLACE, 9);
    EXPECT(-EAGAIN, SYS_READ, 3, PLACE, 9); /* empty, but 5 can still write */
    EXPECT(2, SYS_WRITE, 5, PLACE, 2);
    EXPECT(0, SYS_CLOSE, 5);
    EXPECT(2, SYS_READ, 3, PLACE, 9);
    EXPECT(0, SYS_READ, 3, PLACE, 9);
}

KTEST(process_pipe_ends_when_its_last_writer_is_closed)
{ puppet_checks(last_writer); }

static void last_reader(void) {
    static const unsigned ignore[4] = {SIG_IGN};

    current->signals.blocked = 1u << (SIGPIPE - 1);
    EXPECT(0, SYS_PIPE, PLACE);
    EXPECT(5, SYS_DUP, 3);
    EXPECT(0, SYS_CLOSE, 3);
    EXPECT(1, SYS_WRITE, 4, PLACE, 1);
    KCHECK_EQ(current->signals.pending, 0);
    EXPECT(0, SYS_CLOSE, 5);
    EXPECT(-EPIPE, SYS_WRITE, 4, PLACE, 1);
    KCHECK_EQ(current->signals.pending, 1u << (SIGPIPE - 1));
    current->signals.pending = current->signals.blocked = 0;
    memcpy((char *)PLACE, ignore, sizeof(ignore));
    EXPECT(0, SYS_SIGACTION, SIGPIPE, PLACE);
    EXPECT(-EPIPE, SYS_WRITE, 4, PLACE, 1);
    KCHECK_EQ(current->signals.pending, 0);
}

KTEST(process_pipe_breaks_when_its_last_reader_is_closed)
{ puppet_checks(last_reader); }

/* A forked child holds both ends until it exits; until then the parent's read or write waits. */
static void ends_of_a_child(void) {
    EXPECT(0, SYS_PIPE, PLACE);
    const int child = CALL(SYS_FORK);
    KCHECK(child > 0);
    EXPECT(0, SYS_CLOSE, 4);
    EXPECT(0, SYS_READ, 3, PLACE, 9);
    KCHECK_EQ(process_find(child)->state, ZOMBIE); /* it was waited for */
    EXPECT(0, SYS_CLOSE, 3);
    EXPECT(0, SYS_PIPE, PLACE);
    current->signals.blocked = 1u << (SIGPIPE - 1);
    KCHECK(CALL(SYS_FORK) > 0);
    EXPECT(0, SYS_CLOSE, 3);
    EXPECT(PAGE_SIZE, SYS_WRITE, 4, PLACE, PAGE_SIZE + 1);
    KCHECK_EQ(current->signals.pending, 1u << (SIGPIPE - 1)); /* what went in counts, and the signal is sent */
    EXPECT(-EPIPE, SYS_WRITE, 4, PLACE, 1);
    for (unsigned i = 0; i < 2; i++)
        KCHECK(CALL(SYS_WAITPID, (unsigned)-1, PLACE, 0) > 0);
}

KTEST(process_pipe_waits_while_a_child_has_its_other_end)
{ puppet_checks(ends_of_a_child); }

/* ---- how much fits ---- */

static void one_page(void) {
    EXPECT(0, SYS_PIPE2, PLACE, O_NONBLOCK);
    EXPECT(-EAGAIN, SYS_READ, 3, PLACE, 1);
    EXPECT(0, SYS_READ, 3, PLACE, 0); /* nothing is to be read, so nothing is waited for */
    put_numbers(0, 5000);
    EXPECT(PAGE_SIZE, SYS_WRITE, 4, PLACE, 5000); /* as much as fits */
    EXPECT(-EAGAIN, SYS_WRITE, 4, PLACE, 1);
    EXPECT(-EAGAIN, SYS_WRITE, 4, PLACE, 5000);
    EXPECT(1000, SYS_READ, 3, PLACE, 1000);
    KCHECK(are_numbers(0, 1000));
    put_numbers(PAGE_SIZE, 1001);
    EXPECT(-EAGAIN, SYS_WRITE, 4, PLACE, 1001); /* whole or not at all */
    EXPECT(-EAGAIN, SYS_WRITE, 4, PLACE, PAGE_SIZE);
    EXPECT(999, SYS_WRITE, 4, PLACE, 999);
    EXPECT(1, SYS_WRITE, 4, PLACE + 999, 1);
    EXPECT(3000, SYS_READ, 3, PLACE, 3000);
    KCHECK(are_numbers(1000, 3000));
    EXPECT(1096, SYS_READ, 3, PLACE, 2 * PAGE_SIZE); /* round the page's end */
    KCHECK(are_numbers(4000, 1096));
    EXPECT(-EAGAIN, SYS_READ, 3, PLACE, 1);
    EXPECT(PAGE_SIZE, SYS_WRITE, 4, PLACE, PAGE_SIZE);
    EXPECT(PAGE_SIZE, SYS_READ, 3, PLACE, PAGE_SIZE);
}

KTEST(process_pipes_hold_a_page_in_order)
{ puppet_checks(one_page); }

/* The buffer runs off the end of the program's memory: as many bytes go through as are there. */
static void memory_that_ends(void) {
    EXPECT(0, SYS_PIPE2, PLACE, O_NONBLOCK);
    put_numbers(0, 100);
    memcpy((char *)END - 10, (char *)PLACE, 10);
    EXPECT(10, SYS_WRITE, 4, END - 10, 100);
    EXPECT(-EFAULT, SYS_WRITE, 4, END, 1);
    memset((char *)END - 4, 0, 4);
    memcpy((char *)MORE, (const unsigned[4]){END - 4, 10, PLACE, 6}, 16);
    EXPECT(4, SYS_READV, 3, MORE, 2); /* the second part waits for the whole first one */
    KCHECK(!memcmp((char *)END - 4, (char *)PLACE, 4));
    EXPECT(-EFAULT, SYS_READ, 3, END, 10);
    memset((char *)PLACE, 0, 10);
    EXPECT(6, SYS_READ, 3, PLACE, 10); /* nothing is lost */
    KCHECK(are_numbers(4, 6));
    EXPECT(10, SYS_WRITE, 1, END - 10, 100); /* so does the terminal */
}

KTEST(process_pipes_take_what_memory_there_is)
{ puppet_checks(memory_that_ends); }

static void refused_pipes(void) {
    EXPECT(-EFAULT, SYS_PIPE, END);
    EXPECT(-EFAULT, SYS_PIPE, END - 4);
    EXPECT(-EINVAL, SYS_PIPE2, PLACE, O_WRONLY);
    EXPECT(-EINVAL, SYS_PIPE2, PLACE, O_NONBLOCK | O_CREAT);
    KCHECK(!file_get(3) && !file_get(4));
    EXPECT(-EINVAL, SYS_DUP3, 0, 3, O_NONBLOCK);
    EXPECT(-EINVAL, SYS_DUP3, 0, 3, O_CLOEXEC | 1);
    KCHECK(!file_get(3));
    EXPECT(-EINVAL, SYS_DUP3, 0, 2, 1);
    KCHECK(file_get(2)); /* nor is one closed */
}

KTEST(process_pipe_that_is_refused_takes_no_descriptor)
{ puppet_checks(refused_pipes); }

/* ---- who waits ---- */

static struct process *sleepers[2];

/* CALL returns VALUE. The sleepers, who wait for the pipe, to read or to write, are all woken if a byte has gone through. */
static void pipe_call(const unsigned call[7], int value) {
    for (unsigned i = 0; i < 2; i++) {
        sleepers[i]->context.channel = file_get(3)->pipe;
        sleepers[i]->state = WAITING;
    }
    KCHECK_EQ(puppet_makes(call), value);
    for (unsigned i = 0; i < 2; i++)
        KCHECK_EQ(sleepers[i]->state, value > 0 ? RUNNABLE : WAITING);
}

/* Whatever is read or written may be what the other side waits for, a part of what a call was to do too. */
static void waking(void) {
    static const struct {
        unsigned call[7];
        int value;
    } cases[] = {{{SYS_WRITE, 4, PLACE, 3500}, 3500},
                 {{SYS_READ, 3, PLACE, 500}, 500}, /* a write of 1,000 would wait for that */
                 {{SYS_WRITE, 4, PLACE, 1}, 1},
                 {{SYS_READ, 3, END - 4, 10}, 4}, /* there is room for no more */
                 {{SYS_WRITE, 4, END - 4, 10}, 4},
                 {{SYS_READ, 3, PLACE, 4}, 4},
                 {{SYS_WRITE, 4, END - 4, 5000}, 4}, /* of more than a pipe holds, too */
                 {{SYS_WRITE, 4, PLACE, 5000}, PAGE_SIZE - 3001}, /* as much as fits */
                 {{SYS_WRITE, 4, PLACE, 1}, -EAGAIN},
                 {{SYS_READ, 3, END, 1}, -EFAULT},
                 {{SYS_READ, 3, PLACE, PAGE_SIZE}, PAGE_SIZE},
                 {{SYS_WRITE, 4, END, 1}, -EFAULT}};

    for (unsigned i = 0; i < 2; i++)
        KCHECK((sleepers[i] = process_find(CALL(SYS_FORK))));
    EXPECT(0, SYS_PIPE2, PLACE, O_NONBLOCK);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        KCHECK_CALL(pipe_call(cases[i].call, cases[i].value));
    sleepers[0]->state = sleepers[1]->state = RUNNABLE;
}

KTEST(process_pipes_wake_for_each_byte)
{ puppet_checks(waking); }

/* writev ends with the first part that is not written whole. */
static void short_parts(void) {
    EXPECT(0, SYS_PIPE2, PLACE, O_NONBLOCK);
    memset((char *)END - 4, 'a', 4);
    memcpy((char *)MORE, (const unsigned[4]){END - 4, 10, PLACE, 6}, 16);
    EXPECT(4, SYS_WRITEV, 4, MORE, 2);
    EXPECT(4, SYS_READ, 3, PLACE, 100);
    memcpy((char *)MORE, (const unsigned[4]){PLACE, 5, PLACE, 6}, 16);
    EXPECT(11, SYS_WRITEV, 4, MORE, 2);
    EXPECT(11, SYS_READ, 3, PLACE, 100);
    memcpy((char *)MORE, (const unsigned[4]){PLACE, PAGE_SIZE + 1, PLACE, 6}, 16);
    EXPECT(PAGE_SIZE, SYS_WRITEV, 4, MORE, 2);
}

KTEST(process_pipe_takes_parts_in_order)
{ puppet_checks(short_parts); }

static int root;
static unsigned heard, wrong, got;

static int make_call(struct trap_frame *frame, unsigned number, unsigned a, unsigned b, unsigned c) {
    return puppet_call(frame, number, (const unsigned[6]){a, b, c});
}

/* readv waits for its first byte only: what there is fills its first part exactly, and nobody writes more. */
static void parts_that_are_full(void) {
    EXPECT(0, SYS_PIPE, PLACE);
    EXPECT(5, SYS_WRITE, 4, PLACE, 5);
    memcpy((char *)MORE, (const unsigned[6]){PLACE, 5, PLACE, 0, PLACE, 5}, 24);
    EXPECT(5, SYS_READV, 3, MORE, 3);
    EXPECT(10, SYS_WRITE, 4, PLACE, 10);
    EXPECT(10, SYS_READV, 3, MORE, 3);
    memcpy((char *)MORE, (const unsigned[4]){PLACE, 0, PLACE, 5}, 16);
    EXPECT(5, SYS_WRITE, 4, PLACE, 5);
    EXPECT(5, SYS_READV, 3, MORE, 2);
    EXPECT(0, SYS_FCNTL, 3, F_SETFL, O_NONBLOCK);
    EXPECT(-EAGAIN, SYS_READV, 3, MORE, 2); /* that its first part is of no bytes is no end of file */
}

/* The other one writes after a few ticks: a call that may wait for half a day waits for that. */
static void wait_long(struct trap_frame *frame) {
    if (current->pid == root) {
        make_call(frame, SYS_PIPE, PLACE, 0, 0);
        make_call(frame, SYS_FORK, 0, 0, 0);
        *(struct pollfd *)PLACE = (struct pollfd){3, POLLIN, 0};
        got = (unsigned)make_call(frame, SYS_POLL, PLACE, 1, 42949680); /* ms; 100 times as many are over 2^32 */
        memcpy((char *)MORE, (const unsigned[4]){PLACE, 0, PLACE, 9}, 16);
        heard = (unsigned)make_call(frame, SYS_READV, 3, MORE, 2);
        make_call(frame, SYS_WAITPID, (unsigned)-1, 0, 0);
    } else {
        *(struct timespec *)PLACE = (struct timespec){0, 50000000};
        make_call(frame, SYS_NANOSLEEP, PLACE, 0, 0);
        make_call(frame, SYS_WRITE, 4, PLACE, 2);
    }
    make_call(frame, SYS_EXIT, 0, 0, 0);
}

KTEST(process_that_may_wait_long_waits_for_what_comes)
{
    got = heard = 0;
    root = last_pid + 1;
    puppet_run(wait_long, &root);
    KCHECK(got == 1 && heard == 2);
}

/* Two wait for the same byte. Who comes too late waits for the next. */
static void two_readers(struct trap_frame *frame) {
    if (current->pid == root) {
        make_call(frame, SYS_PIPE, PLACE, 0, 0);
        for (int child = root + 1; child <= root + 2; child++) {
            make_call(frame, SYS_FORK, 0, 0, 0);
            for (unsigned i = 0; i < 1000 && process_find(child)->state != WAITING; i++)
                make_call(frame, SYS_SCHED_YIELD, 0, 0, 0);
        }
        for (unsigned i = 0; i < 2; i++) {
            make_call(frame, SYS_WRITE, 4, PLACE, 1);
            make_call(frame, SYS_WAITPID, (unsigned)-1, 0, 0);
        }
    } else if (make_call(frame, SYS_READ, 3, MORE, 1) == 1) {
        heard++;
    }
    make_call(frame, SYS_EXIT, 0, 0, 0);
}

KTEST(process_pipe_of_two_readers_gives_each_a_byte)
{
    heard = 0;
    root = last_pid + 1;
    puppet_run(two_readers, &root);
    KCHECK_EQ(heard, 2);
}

/* While the parent waits for its pipe the child asks for another one's, and then writes. */
static void poll_at_once(struct trap_frame *frame) {
    struct pollfd *polls = (struct pollfd *)MORE;

    if (current->pid == root) {
        make_call(frame, SYS_PIPE, PLACE, 0, 0);
        make_call(frame, SYS_PIPE, PLACE, 0, 0);
        make_call(frame, SYS_FORK, 0, 0, 0);
        *polls = (struct pollfd){3, POLLIN, 0};
        got = (unsigned)make_call(frame, SYS_POLL, MORE, 1, 1000);
        heard = polls->revents;
        wrong += polls->fd != 3 || polls->events != POLLIN;
        make_call(frame, SYS_WAITPID, (unsigned)-1, 0, 0);
    } else {
        *polls = (struct pollfd){5, POLLIN, 0};
        make_call(frame, SYS_SCHED_YIELD, 0, 0, 0);
        wrong += make_call(frame, SYS_POLL, MORE, 1, 30) != 0 || polls->fd != 5 || polls->revents;
        make_call(frame, SYS_WRITE, 4, PLACE, 2);
    }
    make_call(frame, SYS_EXIT, 0, 0, 0);
}

KTEST(process_polls_of_two_programs_are_their_own)
{
    got = heard = wrong = 0;
    root = last_pid + 1;
    puppet_run(poll_at_once, &root);
    KCHECK_EQ(got, 1);
    KCHECK_EQ(heard, POLLIN);
    KCHECK_EQ(wrong, 0);
}

KTEST(process_readv_does_not_wait_for_more_than_there_is)
{ puppet_checks(parts_that_are_full); }

#define BYTES (3 * PAGE_SIZE)

/* The parent's write of 1,000 bytes waits for the child, which makes room for 500, and lets the parent have its turn; and
 * for 500 more. */
static void make_room(struct trap_frame *frame) {
    if (current->pid == root) {
        make_call(frame, SYS_PIPE2, PLACE, 0, 0);
        make_call(frame, SYS_WRITE, 4, PLACE, PAGE_SIZE);
        make_call(frame, SYS_FORK, 0, 0, 0);
        wrong += make_call(frame, SYS_WRITE, 4, PLACE, 1000) != 1000;
        make_call(frame, SYS_WAITPID, (unsigned)-1, 0, 0);
        make_call(frame, SYS_EXIT, 0, 0, 0);
    }
    make_call(frame, SYS_SCHED_YIELD, 0, 0, 0);
    make_call(frame, SYS_READ, 3, MORE, 500);
    make_call(frame, SYS_SCHED_YIELD, 0, 0, 0);
    heard = (unsigned)make_call(frame, SYS_READ, 3, MORE, 2 * PAGE_SIZE);
    make_call(frame, SYS_SCHED_YIELD, 0, 0, 0);
    got = (unsigned)make_call(frame, SYS_READ, 3, MORE, 2 * PAGE_SIZE);
    make_call(frame, SYS_EXIT, 0, 0, 0);
}

KTEST(process_small_write_that_has_waited_is_whole)
{
    heard = wrong = got = 0;
    root = last_pid + 1;
    puppet_run(make_room, &root);
    KCHECK_EQ(heard, PAGE_SIZE - 500);
    KCHECK_EQ(got, 1000);
    KCHECK_EQ(wrong, 0);
}

/* The parent reads before there is anything, then writes more than a pipe holds; the child lets it wait. */
static void talk(struct trap_frame *frame) {
    if (current->pid == root) {
        make_call(frame, SYS_PIPE, PLACE, 0, 0);
        make_call(frame, SYS_PIPE, PLACE, 0, 0);
        make_call(frame, SYS_FORK, 0, 0, 0);
        heard = (unsigned)make_call(frame, SYS_READ, 3, PLACE, 10);
        wrong += !!memcmp((char *)PLACE, "puppe", 5);
        put_numbers_at(PLACE, 0, BYTES);
        wrong += make_call(frame, SYS_WRITE, 6, PLACE, BYTES) != BYTES;
        make_call(frame, SYS_WAITPID, (unsigned)-1, 0, 0);
        make_call(frame, SYS_EXIT, 0, 0, 0);
    }
    make_call(frame, SYS_SCHED_YIELD, 0, 0, 0);
    make_call(frame, SYS_WRITE, 4, PUPPET_NAME, 5);
    for (int n; got < BYTES; got += (unsigned)n) {
        make_call(frame, SYS_SCHED_YIELD, 0, 0, 0);
        if ((n = make_call(frame, SYS_READ, 5, PLACE, 1000)) <= 0)
            break;
        wrong += !are_numbers_at(PLACE, got, (unsigned)n);
    }
    make_call(frame, SYS_EXIT, 0, 0, 0);
}

KTEST(process_that_waits_for_a_pipe_goes_on_with_it)
{
    heard = wrong = got = 0;
    root = last_pid + 1;
    puppet_run(talk, &root);
    KCHECK(heard == 5 && got == BYTES && wrong == 0);
}

/* ---- what goes through ---- */

/* How many of N bytes go into a pipe that has room for ROOM: up to a page whole or not at all; of more, what fits. */
static int can_write(unsigned n, unsigned room) {
    return n <= room ? (int)n : n > PAGE_SIZE && room ? (int)room : -EAGAIN;
}

static unsigned some_length(void) {
    static const unsigned most[] = {3, 100, PAGE_SIZE, PAGE_SIZE + 2, 3 * PAGE_SIZE};

    return 1 + random_below(most[random_below(ARRAY_SIZE(most))]);
}

/* Reads and writes of any length, to and from anywhere. */
static void random_pipe(void) {
    unsigned written = 0, taken = 0;

    random_seed(11);
    EXPECT(0, SYS_PIPE2, PLACE, O_NONBLOCK);
    for (unsigned round = 0; round < 1000; round++) {
        const unsigned n = some_length(), at = PLACE + random_below(PAGE_SIZE), used = written - taken;
        if (random_below(2)) {
            put_numbers_at(at, written, n);
            int done = CALL(SYS_WRITE, 4, at, n);
            KCHECK_EQ(done, can_write(n, PAGE_SIZE - used));
            written += done > 0 ? (unsigned)done : 0;
        } else {
            int done = CALL(SYS_READ, 3, at, n), wanted = n < used ? (int)n : (int)used;
            KCHECK_EQ(done, wanted ? wanted : -EAGAIN);
            KCHECK(are_numbers_at(at, taken, (unsigned)wanted));
            taken += (unsigned)wanted;
        }
    }
}

KTEST(process_pipes_give_what_was_put_in)
{ puppet_checks(random_pipe); }

/* Only LEFT descriptors are free: a pipe wants two, and takes none. */
static void pipe_wants_two_descriptors(void) {
    int fd;

    for (int left = 1; left >= 0; left--) {
        while ((fd = CALL(SYS_DUP, 0)) < FILES_MAX - 1 - left)
            KCHECK(fd >= 0);
        EXPECT(-EMFILE, SYS_PIPE, PLACE);
        for (fd = FILES_MAX - left; fd < FILES_MAX; fd++)
            KCHECK(!file_get(fd));
    }
    EXPECT(0, SYS_CLOSE, 0);
    EXPECT(-EMFILE, SYS_PIPE, PLACE);
    KCHECK(!file_get(0));
    EXPECT(0, SYS_DUP, 1);
    EXPECT(0, SYS_CLOSE, 5);
    EXPECT(0, SYS_CLOSE, 9);
    EXPECT(0, SYS_PIPE, PLACE);
    KCHECK_EQ(word(0), 5);
    KCHECK_EQ(word(1), 9);
}

KTEST(process_pipe_wants_two_descriptors_or_takes_none)
{ puppet_checks(pipe_wants_two_descriptors); }
