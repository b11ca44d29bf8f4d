/* System calls on files, descriptor by descriptor and byte by byte: what each returns, and leaves. */
#include "process.h"

#include "../../kernel/process/process_inside.h"
#include "boot_info.h"
#include "ktest.h"
#include "memlayout.h"
#include "puppet.h"
#include "string.h"
#include "timer.h"
#include "vmem.h"

extern const char puppet_start[], puppet_end[]; /* puppet.S */

#define PLACE PUPPET_AREA
#define MORE (PLACE + PAGE_SIZE)
#define TICK_MS (1000 / TIMER_HZ)
#define FILES 32 /* a process has as many descriptors */
#define LAST (FILES - 1)
#define END (PLACE + PUPPET_AREA_PAGES * PAGE_SIZE) /* nothing is there */
#define FILE_BYTES ((unsigned)(puppet_end - puppet_start))

/* A string in the program's memory. */
static unsigned text(const char *string) {
    memcpy((char *)PLACE, string, strlen(string) + 1);
    return PLACE;
}

static unsigned word(unsigned i) { return ((unsigned *)PLACE)[i]; }

/* ---- descriptors ---- */

static void descriptors(void) {
    static const unsigned none[] = {3, LAST, FILES, 64, (unsigned)-1, 0x80000000};
    static const unsigned calls[][3] = {{SYS_CLOSE},
                                        {SYS_DUP},
                                        {SYS_DUP2, 5},
                                        {SYS_FCNTL, F_GETFD},
                                        {SYS_IOCTL, TIOCGWINSZ, PLACE},
                                        {SYS_READ, PLACE, 1},
                                        {SYS_WRITE, PLACE},
                                        {SYS_LSEEK},
                                        {SYS_GETDENTS64, PLACE, 100},
                                        {SYS_FSTAT64, PLACE}};

    for (size_t i = 0; i < ARRAY_SIZE(none); i++)
        for (size_t c = 0; c < ARRAY_SIZE(calls); c++)
            KCHECK_EQ(CALL(calls[c][0], none[i], calls[c][1], calls[c][2]), -EBADF);
    EXPECT(-EBADF, SYS_DUP2, LAST, LAST);
    EXPECT(-EBADF, SYS_DUP2, FILES, FILES);
    KCHECK_EQ(file_get(0)->users, 3);
    EXPECT(3, SYS_DUP, 0);
    EXPECT(4, SYS_DUP, 3);
    KCHECK_EQ(file_get(4)->users, 5);
    EXPECT(4, SYS_DUP2, 4, 4);
    EXPECT(LAST, SYS_DUP2, 4, LAST);
    for (unsigned to = FILES; to < 2 * FILES; to++) /* nor is what has a number of the same low bits closed */
        KCHECK_EQ(CALL(SYS_DUP2, 4, to), -EBADF);
    EXPECT(-EBADF, SYS_DUP3, 4, FILES);
    EXPECT(-EBADF, SYS_DUP3, 9, 5);
    EXPECT(-EBADF, SYS_DUP2, 9, 4); /* which stays open */
    EXPECT(-EINVAL, SYS_DUP3, 4, 4);
    KCHECK_EQ(file_get(0)->users, 6);
    EXPECT(LAST, SYS_DUP2, 0, LAST); /* closed first */
    KCHECK_EQ(file_get(0)->users, 6);
    EXPECT(0, SYS_CLOSE, 3);
    EXPECT(-EBADF, SYS_CLOSE, 3);
    KCHECK_EQ(file_get(0)->users, 5);
    EXPECT(5, SYS_FCNTL, 0, F_DUPFD, 4);
    EXPECT(-EMFILE, SYS_FCNTL, 0, F_DUPFD, LAST);
    EXPECT(-EINVAL, SYS_FCNTL, 0, F_DUPFD, FILES);
    EXPECT(-EINVAL, SYS_FCNTL, 0, 999);
    EXPECT(0, SYS_CLOSE, LAST);
    EXPECT(LAST, SYS_FCNTL, 0, F_DUPFD, LAST);
    EXPECT(3, SYS_DUP, 0);
    for (int fd = 6; fd < LAST; fd++)
        EXPECT(fd, SYS_DUP, 0);
    EXPECT(-EMFILE, SYS_DUP, 0);
    KCHECK_EQ(file_get(0)->users, FILES);
    EXPECT(-EMFILE, SYS_OPEN, PUPPET_NAME);
}

KTEST(process_descriptors_are_given_lowest_first)
{ puppet_checks(descriptors); }

/* Descriptor 0 is one as any other. */
static void lowest(void) {
    EXPECT(O_RDWR, SYS_FCNTL, 0, F_GETFL);
    EXPECT(0, SYS_CLOSE, 0);
    EXPECT(-EBADF, SYS_READ, 0, PLACE, 1);
    EXPECT(0, SYS_OPEN, PUPPET_NAME);
    EXPECT(0, SYS_CLOSE, 0);
    EXPECT(0, SYS_DUP, 1);
    EXPECT(0, SYS_CLOSE, 0);
    EXPECT(0, SYS_FCNTL, 1, F_DUPFD, 0);
    EXPECT(0, SYS_CLOSE, 0);
    EXPECT(0, SYS_PIPE, PLACE);
    KCHECK(word(0) == 0 && word(1) == 3);
    EXPECT(0, SYS_CLOSE, 0);
    EXPECT(0, SYS_PIPE, PLACE);
    KCHECK(word(0) == 0 && word(1) == 4);
}

KTEST(process_descriptor_0_is_given_again)
{ puppet_checks(lowest); }

static void close_on_exec(void) {
    EXPECT(6, SYS_DUP3, 0, 6, O_CLOEXEC);
    EXPECT(7, SYS_DUP3, 0, 7, 0);
    EXPECT(8, SYS_FCNTL, 0, F_DUPFD_CLOEXEC, 8);
    EXPECT(3, SYS_OPEN, PUPPET_NAME, O_CLOEXEC);
    EXPECT(FD_CLOEXEC, SYS_FCNTL, 6, F_GETFD);
    EXPECT(0, SYS_FCNTL, 7, F_GETFD);
    EXPECT(FD_CLOEXEC, SYS_FCNTL, 8, F_GETFD);
    EXPECT(FD_CLOEXEC, SYS_FCNTL, 3, F_GETFD);
    EXPECT(4, SYS_DUP, 3); /* which does not hand it on */
    EXPECT(0, SYS_FCNTL, 4, F_GETFD);
    EXPECT(0, SYS_CLOSE, 4);
    EXPECT(6, SYS_DUP2, 6, 6); /* which changes nothing */
    EXPECT(FD_CLOEXEC, SYS_FCNTL, 6, F_GETFD);
    EXPECT(6, SYS_DUP2, 0, 6);
    EXPECT(0, SYS_FCNTL, 6, F_GETFD);
    EXPECT(0, SYS_FCNTL, 8, F_SETFD, 2);
    EXPECT(0, SYS_FCNTL, 8, F_GETFD);
    EXPECT(-EBADF, SYS_FCNTL, LAST, F_DUPFD, 0);
    EXPECT(0, SYS_FCNTL, 7, F_SETFD, FD_CLOEXEC);
    KCHECK_EQ(current->files.close_on_exec, 1u << 3 | 1u << 7);
    const int child = CALL(SYS_FORK); /* has them too, and no more */
    KCHECK(child > 0);
    KCHECK(!memcmp(&process_find(child)->files, &current->files, sizeof(current->files)));
    KCHECK(CALL(SYS_WAITPID, (unsigned)-1, PLACE, 0) > 0);
    EXPECT(-EBADF, SYS_CLOSE, FILES); /* what lies behind the last one is none */
    EXPECT(0, SYS_CLOSE, 3);
    KCHECK_EQ(current->files.close_on_exec, 1u << 7);
}

KTEST(process_descriptors_remember_to_close)
{ puppet_checks(close_on_exec); }

/* ---- reading and seeking ---- */

/* Whether the N bytes in the program's memory are the file's from OFFSET on. */
static bool is_file(size_t offset, size_t n) { return !memcmp((char *)PLACE, puppet_start + offset, n); }

static void offsets(void) {
    EXPECT(3, SYS_OPEN, PUPPET_NAME);
    EXPECT(100, SYS_READ, 3, PLACE, 100);
    KCHECK(is_file(0, 100));
    EXPECT(0, SYS_READ, 3, PLACE, 0);
    EXPECT(0, SYS_READ, 0, PLACE, 0); /* nor of the terminal, which it does not have */
    EXPECT(-EFAULT, SYS_READ, 3, END, 10); /* nothing is read, then */
    EXPECT(7, SYS_READ, 3, END - 7, 10);   /* or as much as there is memory for */
    KCHECK(!memcmp((char *)END - 7, puppet_start + 100, 7));
    EXPECT(100, SYS_LSEEK, 3, (unsigned)-7, SEEK_CUR);
    EXPECT(60, SYS_READ, 3, PLACE, 60);
    KCHECK(is_file(100, 60));
    EXPECT(160, SYS_LSEEK, 3, 0, SEEK_CUR);
    EXPECT(-EINVAL, SYS_LSEEK, 3, (unsigned)-161, SEEK_CUR);
    EXPECT(0, SYS_LSEEK, 3, (unsigned)-160, SEEK_CUR);
    EXPECT(-EINVAL, SYS_LSEEK, 3, (unsigned)-1, SEEK_SET);
    EXPECT(-EINVAL, SYS_LSEEK, 3, 5, 3);
    EXPECT(0, SYS_LSEEK, 3, 0, SEEK_CUR);
    EXPECT(FILE_BYTES - 10, SYS_LSEEK, 3, (unsigned)-10, SEEK_END);
    EXPECT(10, SYS_READ, 3, PLACE, 100);
    KCHECK(is_file(FILE_BYTES - 10, 10));
    EXPECT(0, SYS_FCNTL, 3, F_SETFL, O_NONBLOCK); /* of the file, not of one descriptor */
    EXPECT(4, SYS_DUP, 3);
    EXPECT(5, SYS_FCNTL, 3, F_DUPFD_CLOEXEC, 5);
    EXPECT(FILE_BYTES, SYS_LSEEK, 5, 0, SEEK_CUR);
    EXPECT(O_NONBLOCK, SYS_FCNTL, 4, F_GETFL);
    EXPECT(0, SYS_FCNTL, 5, F_SETFL, 0);
    EXPECT(0, SYS_FCNTL, 3, F_GETFL);
    EXPECT(0, SYS_CLOSE, 4);
    EXPECT(0, SYS_CLOSE, 5);
    EXPECT(0, SYS_READ, 3, PLACE, 100);
    EXPECT(FILE_BYTES + 1, SYS_LSEEK, 3, 1, SEEK_END);
    EXPECT(0, SYS_READ, 3, PLACE, 1);
    EXPECT(-EBADF, SYS_WRITE, 3, PLACE, 1);

    EXPECT(0, SYS_LLSEEK, 3, 0, INT32_MAX, PLACE, SEEK_SET);
    KCHECK(word(0) == INT32_MAX && word(1) == 0);
    EXPECT(-EINVAL, SYS_LLSEEK, 3, 0, 1, PLACE, SEEK_CUR);
    EXPECT(-EINVAL, SYS_LLSEEK, 3, 0, 0x80000000, PLACE, SEEK_SET);
    EXPECT(-EINVAL, SYS_LLSEEK, 3, 0, (unsigned)-1, PLACE, SEEK_CUR); /* 2^32 - 1, not -1 */
    EXPECT(-EINVAL, SYS_LLSEEK, 3, 1, 0, PLACE, SEEK_SET);
    KCHECK(word(0) == INT32_MAX && word(1) == 0); /* as before */
    EXPECT(0, SYS_LLSEEK, 3, (unsigned)-1, (unsigned)-INT32_MAX, PLACE, SEEK_CUR);
    KCHECK(word(0) == 0 && word(1) == 0);
    EXPECT(0, SYS_LSEEK, 3, 0, SEEK_CUR);

    EXPECT(-ESPIPE, SYS_LSEEK, 0, 0, SEEK_SET);
    text("/dev/null");
    EXPECT(4, SYS_OPEN, PLACE, 2);
    EXPECT(0, SYS_LSEEK, 4, 7, SEEK_SET); /* as on Linux */
    EXPECT(0, SYS_READ, 4, PLACE, 5);
    EXPECT(5, SYS_WRITE, 4, PLACE, 5);
    text("/");
    EXPECT(5, SYS_OPEN, PLACE);
    EXPECT(-EISDIR, SYS_READ, 5, PLACE, 5);
    text("/dev/null"); /* what it is opened for */
    EXPECT(6, SYS_OPEN, PLACE, O_RDONLY);
    EXPECT(0, SYS_READ, 6, PLACE, 5);
    EXPECT(-EBADF, SYS_WRITE, 6, PLACE, 5);
    EXPECT(7, SYS_OPEN, PLACE, O_WRONLY);
    EXPECT(5, SYS_WRITE, 7, PLACE, 5);
    EXPECT(-EBADF, SYS_READ, 7, PLACE, 5);
    EXPECT(-EBADF, SYS_READV, 7, PLACE, 0); /* of no parts, too */
    EXPECT(-EBADF, SYS_WRITEV, 6, PLACE, 0);
    EXPECT(0, SYS_WRITEV, 7, PLACE, 0);
    EXPECT(1, SYS_LSEEK, 5, 1, SEEK_END);
    EXPECT(-ENOTTY, SYS_IOCTL, 3, TCGETS, PLACE);
    EXPECT(0, SYS_IOCTL, 0, TCGETS, PLACE);
    memset((char *)END - 8, 0, 8);
    EXPECT(-EFAULT, SYS_IOCTL, 0, TCSETS, END - 8); /* nothing of it is taken */
    EXPECT(0, SYS_IOCTL, 0, TCGETS, MORE);
    KCHECK(!memcmp((char *)MORE, (char *)PLACE, 36));
    EXPECT(-ENOTTY, SYS_IOCTL, 0, 0, PLACE);
}

/* The terminal, opened once more, is a file of its own. */
static void second_terminal(void) {
    text("/dev/tty");
    for (unsigned flags = 0; flags <= O_RDWR; flags++) {
        KCHECK_EQ(CALL(SYS_OPEN, PLACE, flags), 3);
        KCHECK_EQ(CALL(SYS_FCNTL, 3, F_SETFL, O_NONBLOCK), 0);
        EXPECT(O_RDWR, SYS_FCNTL, 0, F_GETFL);
        EXPECT(0, SYS_CLOSE, 3);
    }
}

KTEST(process_terminal_can_be_opened_again)
{ puppet_checks(second_terminal); }

KTEST(process_files_are_read_at_their_offsets)
{ puppet_checks(offsets); }

/* Of a file of several pages comes what fits in front of a page that is not there, or cannot be written to. */
static void holes(void) {
    static bool added;
    enum { FAR = 0x30000000 };

    if (!added) /* of whatever lies there in the kernel's image */
        added = process_add_file("large", (const void *)KERNEL_START, 4 * PAGE_SIZE);
    KCHECK_EQ(CALL(SYS_OPEN, text("large")), 3);
    EXPECT(FAR, SYS_MMAP2, FAR, 3 * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED);
    EXPECT(3 * PAGE_SIZE - 10, SYS_READ, 3, FAR + 10, 3 * PAGE_SIZE - 10);
    KCHECK(!memcmp((char *)FAR + 10, (char *)KERNEL_START, 3 * PAGE_SIZE - 10));
    EXPECT(0, SYS_MPROTECT, FAR + PAGE_SIZE, PAGE_SIZE, PROT_READ);
    for (unsigned hole = 0; hole < 2; hole++) {
        EXPECT(20, SYS_LSEEK, 3, 20, SEEK_SET);
        EXPECT(PAGE_SIZE - 10, SYS_READ, 3, FAR + 10, 3 * PAGE_SIZE - 10);
        KCHECK(!memcmp((char *)FAR + 10, (char *)KERNEL_START + 20, PAGE_SIZE - 10));
        EXPECT(PAGE_SIZE + 10, SYS_LSEEK, 3, 0, SEEK_CUR);
        EXPECT(0, SYS_MUNMAP, FAR + PAGE_SIZE, PAGE_SIZE);
    }
}

KTEST(process_reads_end_at_a_hole)
{ puppet_checks(holes); }

static void vectors(void) {
    struct iovec *vector = (struct iovec *)MORE;
    struct iovec *last = (struct iovec *)END - 1;

    EXPECT(3, SYS_OPEN, PUPPET_NAME);
    vector[0] = (struct iovec){PLACE, 10};
    vector[1] = (struct iovec){0, 0};
    vector[2] = (struct iovec){PLACE + 10, 20};
    EXPECT(30, SYS_READV, 3, MORE, 3);
    KCHECK(is_file(0, 30));
    EXPECT(0, SYS_READV, 3, MORE, 0);
    EXPECT(10, SYS_READV, 3, MORE, 1);
    KCHECK(is_file(30, 10));
    EXPECT(-EINVAL, SYS_READV, 3, MORE, 1025);
    EXPECT(-EINVAL, SYS_WRITEV, 1, MORE, 1025);
    EXPECT(-EBADF, SYS_READV, 9, MORE, 1);
    EXPECT(-EFAULT, SYS_READV, 3, 0, 1);
    EXPECT(FILE_BYTES - 15, SYS_LSEEK, 3, (unsigned)-15, SEEK_END);
    EXPECT(15, SYS_READV, 3, MORE, 3); /* the file ends */
    vector[1] = (struct iovec){0, 1};
    EXPECT(0, SYS_LSEEK, 3, 0, SEEK_SET);
    EXPECT(10, SYS_READV, 3, MORE, 3); /* the second part fails */
    EXPECT(-EFAULT, SYS_READV, 3, MORE + 8, 2); /* the first one does */
    *last = vector[0];
    KCHECK_EQ(CALL(SYS_READV, 3, (unsigned)last, 2), 10);
    text("/dev/null");
    EXPECT(4, SYS_OPEN, PLACE, 1);
    vector[0].length = 5;
    vector[1] = (struct iovec){PLACE, 0x7FFFF000u};
    EXPECT(0x7FFFF000u, SYS_WRITEV, 4, MORE, 2);
    EXPECT(0x7FFFF000u, SYS_WRITEV, 4, MORE, 1024);
    EXPECT(0x7FFFF000u, SYS_WRITE, 4, PLACE, 0x7FFFF000u + 1);
}

KTEST(process_vectors_are_transferred_part_by_part)
{ puppet_checks(vectors); }

/* ---- paths ---- */

static void paths(void) {
    static const struct {
        const char *path;
        unsigned flags;
        int value; /* 0: a descriptor */
        const struct file_type *type;
    } cases[] = {
        {"puppet", 0, 0, &module_type},
        {"/puppet", 0, 0, &module_type},
        {"./puppet", 0, 0, &module_type},
        {"/bin/puppet", O_CREAT, 0, &module_type},
        {"/usr/bin/puppet", 0, 0, &module_type},
        {"/proc/self/exe", 0, 0, &module_type},
        {"/proc/self/ex", 0, -ENOENT, NULL},
        {"pupp", 0, -ENOENT, NULL},
        {"puppets", 0, -ENOENT, NULL},
        {"puppets", O_CREAT, -EROFS, NULL},
        {"", 0, -ENOENT, NULL},
        {".", 0, 0, &directory_type},
        {"..", O_DIRECTORY, 0, &directory_type},
        {"..x", 0, -ENOENT, NULL},
        {"/", 0, 0, &directory_type},
        {"/bin/", 0, 0, &directory_type},
        {"/dev/null", 0, 0, &null_type},
        {"/dev/null", O_TRUNC | 1, 0, &null_type},
        {"/dev/tty", 2, 0, &tty_type},
        {"puppet", O_CREAT | O_EXCL, -EEXIST, NULL},
        {"puppet", O_EXCL, 0, &module_type},
        {"puppet", O_DIRECTORY, -ENOTDIR, NULL},
        {"puppet", O_DIRECTORY | O_WRONLY, -ENOTDIR, NULL},
        {"puppet", 1, -EROFS, NULL},
        {"puppet", 2, -EROFS, NULL},
        {"puppet", O_TRUNC, -EROFS, NULL},
        {"/", 1, -EISDIR, NULL},
    };
    static const struct {
        const char *path;
        unsigned mode;
        int value;
    } accesses[] = {{"puppet", 1, 0}, {"puppet", 2, -EROFS}, {"/", 5, 0},
                    {"/", 6, -EROFS}, {"/dev/null", 6, 0},   {"none", 0, -ENOENT},
                    {"/dev/tty", 6, 0}};

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int value = CALL(SYS_OPEN, text(cases[i].path), cases[i].flags);
        if (value != (cases[i].value ? cases[i].value : 3)) {
            ktest_fail(__FILE__, __LINE__, "%s, flags 0x%x: %d", cases[i].path, cases[i].flags, value);
            return;
        }
        if (value == 3) {
            KCHECK_EQ(file_get(3)->type, cases[i].type);
            KCHECK_EQ(file_get(3)->module, cases[i].type == &module_type ? module_find("puppet") : NULL);
            EXPECT(cases[i].flags & O_ACCMODE, SYS_FCNTL, 3, F_GETFL);
            EXPECT(0, SYS_CLOSE, 3);
        }
        KCHECK_EQ(CALL(SYS_OPENAT, (unsigned)AT_FDCWD, text(cases[i].path), cases[i].flags), value);
        CALL(SYS_CLOSE, 3);
    }
    for (unsigned length = 255; length <= 256; length++) {
        memset((char *)PLACE, 'x', length);
        ((char *)PLACE)[length] = '\0';
        EXPECT(length < 256 ? -ENOENT : -ENAMETOOLONG, SYS_OPEN, PLACE);
        EXPECT(length < 256 ? -EROFS : -ENAMETOOLONG, SYS_OPEN, PLACE, O_CREAT);
        EXPECT(length < 256 ? -ENOENT : -ENAMETOOLONG, SYS_READLINK, PLACE, PLACE, 9);
    }
    memset((char *)END - 3, 'x', 3);
    EXPECT(-EFAULT, SYS_OPEN, END - 3); /* it has no end, but in memory that is not there */
    EXPECT(-EFAULT, SYS_OPEN, END - 3, O_CREAT);
    for (size_t i = 0; i < ARRAY_SIZE(accesses); i++) {
        KCHECK_EQ(CALL(SYS_ACCESS, text(accesses[i].path), accesses[i].mode), accesses[i].value);
        KCHECK_EQ(CALL(SYS_FACCESSAT, 9, text(accesses[i].path), accesses[i].mode), accesses[i].value);
    }
    text("/");
    EXPECT(0, SYS_CHDIR, PLACE);
    text("puppet");
    EXPECT(-ENOTDIR, SYS_CHDIR, PLACE);
    text("none");
    EXPECT(-ENOENT, SYS_CHDIR, PLACE);
    text("xyz");
    EXPECT(-ERANGE, SYS_GETCWD, PLACE, 1);
    EXPECT(2, SYS_GETCWD, PLACE, 2);
    KCHECK(!memcmp((char *)PLACE, "/\0z", 4));
    text("/");
    EXPECT(-EINVAL, SYS_READLINK, PLACE, PLACE, 9);
    text("none");
    EXPECT(-ENOENT, SYS_READLINK, PLACE, PLACE, 9);
    text("");
    EXPECT(-ENOENT, SYS_READLINK, PLACE, PLACE, 9);
    text("/proc/self/exe");
    EXPECT(7, SYS_READLINK, PLACE, PLACE, 9);
    KCHECK(!memcmp((char *)PLACE, "/puppetelf/exe", 14)); /* without a NUL */
    text("/proc/self/exe");
    EXPECT(-EFAULT, SYS_READLINK, PLACE, END - 6, 9);
    text("/proc/self/exe");
    EXPECT(3, SYS_READLINK, PLACE, PLACE + 20, 3);
    KCHECK(!memcmp((char *)PLACE + 20, "/pux", 4));
    EXPECT(1, SYS_READLINK, PLACE, PLACE + 20, 1);
    KCHECK(!memcmp((char *)PLACE + 20, "/pux", 4)); /* the one byte is there already: nothing behind it */
    EXPECT(-EINVAL, SYS_READLINK, PLACE, PLACE + 20, 0);
    static const struct module other = {.name = "a_name_of_more_than_thirty-one_characters"};
    const struct module *program = current->program;
    current->program = &other;
    const int n = CALL(SYS_READLINK, PLACE, PLACE + 20, 99);
    current->program = program;
    KCHECK_EQ(n, 42);
    KCHECK(!memcmp((char *)PLACE + 20, "/a_name_of_more_than_thirty-one_characters", 42));
}

KTEST(process_paths_name_what_there_is)
{ puppet_checks(paths); }

static unsigned inode_of_puppet(void) {
    unsigned i = 0;

    while (module_at(i) != module_find("puppet"))
        i++;
    return i + 2;
}

/* The same of stat64 and statx. */
static void check_about(int fd, const char *path, unsigned mode, unsigned inode, unsigned device,
                        unsigned size) {
    const struct stat64 *stat = (void *)MORE;
    const struct statx *statx = (void *)MORE;
    const unsigned blocks = (size + 511) / 512;

    KCHECK_EQ(CALL(SYS_FSTATAT64, (unsigned)fd, text(path), MORE), 0);
    KCHECK(stat->mode == mode && stat->ino32 == inode && stat->ino == inode && stat->rdev == device);
    KCHECK(stat->size == size && stat->blocks == blocks && stat->blksize == PAGE_SIZE && stat->nlink == 1 &&
           stat->dev == 1);
    KCHECK_EQ(CALL(SYS_STATX, (unsigned)fd, text(path), 0, 0, MORE), 0);
    KCHECK(statx->mode == mode && statx->ino == inode && statx->size == size && statx->blocks == blocks);
    KCHECK(statx->rdev_major == device >> 8 && statx->rdev_minor == (device & 255) && statx->dev_minor == 1);
    KCHECK(statx->blksize == PAGE_SIZE && statx->nlink == 1 && statx->mask == STATX_BASIC_STATS);
}

static void what_files_are(void) {
    const unsigned inode = inode_of_puppet();

    EXPECT(3, SYS_OPEN, PUPPET_NAME);
    KCHECK_CALL(check_about(AT_FDCWD, "puppet", S_IFREG | 0555, inode, 0, FILE_BYTES));
    KCHECK_CALL(check_about(3, "", S_IFREG | 0555, inode, 0, FILE_BYTES));
    KCHECK_CALL(check_about(3, "/", S_IFDIR | 0555, 1, 0, 0));
    KCHECK_CALL(check_about(0, "", S_IFCHR | 0620, 1000, 0x0500, 0));
    KCHECK_CALL(check_about(99, "/dev/tty", S_IFCHR | 0620, 1000, 0x0500, 0));
    KCHECK_CALL(check_about(0, "/dev/null", S_IFCHR | 0666, 1000, 0x0103, 0));
    text("");
    EXPECT(-ENOENT, SYS_FSTATAT64, (unsigned)AT_FDCWD, PLACE, MORE);
    EXPECT(-EBADF, SYS_FSTATAT64, (unsigned)AT_FDCWD, 0, MORE);
    text("");
    EXPECT(-EBADF, SYS_FSTATAT64, 9, PLACE, MORE);
    text("");
    EXPECT(-EBADF, SYS_STATX, 9, PLACE, 0, 0, MORE);
    text("none");
    EXPECT(-ENOENT, SYS_FSTATAT64, 3, PLACE, MORE);
    text("none");
    EXPECT(-ENOENT, SYS_STAT64, PLACE, MORE);
    text("/");
    EXPECT(0, SYS_STAT64, PLACE, MORE);
    KCHECK_EQ(((struct stat64 *)MORE)->mode, S_IFDIR | 0555);
    memset((char *)END - 1, 0, 1);
    EXPECT(-ENOENT, SYS_STAT64, END - 1, MORE); /* an empty path, and nothing behind it */
    current->program = &(const struct module){"small", puppet_start, 513, 0}; /* a byte in its second block */
    text("/proc/self/exe");
    EXPECT(0, SYS_STAT64, PLACE, MORE);
    KCHECK(((struct stat64 *)MORE)->size == 513 && ((struct stat64 *)MORE)->blocks == 2);
    EXPECT(0, SYS_STATX, 3, PLACE, 0, 0, MORE);
    KCHECK(((struct statx *)MORE)->size == 513 && ((struct statx *)MORE)->blocks == 2);
    EXPECT(4, SYS_OPENAT, (unsigned)-1, PUPPET_NAME); /* there is one directory, whatever is given for it */
    EXPECT(0, SYS_CLOSE, 4);
    current->program = module_find("puppet");
    EXPECT(0, SYS_STAT64, PLACE, MORE); /* another program's is another file */
    KCHECK_EQ(((struct stat64 *)MORE)->size, FILE_BYTES);
    EXPECT(0, SYS_FSTAT64, 3, MORE);
    KCHECK_EQ(((struct stat64 *)MORE)->ino, inode);
}

KTEST(process_files_are_described)
{ puppet_checks(what_files_are); }

/* The directory, whatever room it is read into. */
static void entries(void) {
    text("/");
    EXPECT(3, SYS_OPEN, PLACE);
    EXPECT(4, SYS_OPEN, PUPPET_NAME);
    EXPECT(-ENOTDIR, SYS_GETDENTS64, 4, PLACE, 100);
    EXPECT(-EINVAL, SYS_GETDENTS64, 3, PLACE, 23);    /* "." needs 24 */
    EXPECT(-EFAULT, SYS_GETDENTS64, 3, END - 19, 24); /* all but its name */
    EXPECT(0, SYS_LSEEK, 3, 0, SEEK_CUR);             /* both come again */
    EXPECT(24, SYS_GETDENTS64, 3, END - 24, 1000);    /* there is memory for one */
    EXPECT(1, SYS_LSEEK, 3, 0, SEEK_CUR);
    for (unsigned room = 24; room < 400; room += 8) {
        unsigned i = 0;
        EXPECT(0, SYS_LSEEK, 3, 0, SEEK_SET);
        for (int n; memset((char *)PLACE, 'x', PAGE_SIZE), (n = CALL(SYS_GETDENTS64, 3, PLACE, room)) != 0;) {
            if (n == -EINVAL && i >= 2 && room < 19 + strlen(module_at(i - 2)->name) + 1)
                break;
            KCHECK(n > 0 && (unsigned)n <= room && ((char *)PLACE)[n] == 'x');
            for (const struct dirent64 *entry = (void *)PLACE; (unsigned)entry < PLACE + (unsigned)n; i++) {
                const char *name = i == 0 ? "." : i == 1 ? ".." : module_at(i - 2)->name;
                KCHECK(!strcmp(entry->name, name));
                KCHECK_EQ(entry->length, (19 + strlen(name) + 8) / 8 * 8);
                for (unsigned at = 19 + strlen(name) + 1; at < entry->length; at++)
                    KCHECK_EQ(((const char *)entry)[at], 'x'); /* nothing of the kernel's */
                KCHECK_EQ(entry->offset, i + 1);
                KCHECK_EQ(entry->ino, i < 2 ? 1 : i);
                KCHECK_EQ(entry->type, i < 2 ? 4 : 8); /* DT_DIR, DT_REG */
                entry = (const void *)((const char *)entry + entry->length);
            }
        }
        KCHECK(i >= 2 && (!module_at(i - 2) || room < 64)); /* all, or up to the first without room */
    }
}

KTEST(process_directory_is_read_in_any_steps)
{ puppet_checks(entries); }

/* ---- polling ---- */

/* Polls for MS milliseconds what is not ready: as many ticks as it takes, and no more; it is looked at once a tick, the last
 * time at the end. A machine that others hold up has several ticks at once, so it may try again. */
static void poll_waits(const struct pollfd *poll, unsigned ms) {
    const unsigned wanted = (ms + TICK_MS - 1) / TICK_MS;
    unsigned passed;

    for (unsigned tries = 0; tries < 100; tries++) {
        const unsigned start = timer_ticks();
        current->context.channel = poll; /* of a wait before this one */
        KCHECK_EQ(CALL(SYS_POLL, (unsigned)poll, 1, ms), 0);
        KCHECK(!ms || !current->context.channel);
        passed = timer_ticks() - start;
        KCHECK(passed >= wanted);
        if (passed == wanted && (!ms || current->context.wake_at == timer_ticks()))
            return;
    }
    KCHECK_EQ(passed, wanted);
    KCHECK_EQ(current->context.wake_at, timer_ticks());
}

static void polls(void) {
    struct pollfd *poll = (struct pollfd *)PLACE;

    EXPECT(0, SYS_PIPE2, PLACE, O_NONBLOCK);
    const struct pollfd asked[] = {
        {-1, POLLIN | POLLOUT, 9}, {9, POLLIN, 9}, {3, POLLIN, 9}, {4, POLLOUT, 9}, {4, POLLIN, 9}};
    memcpy(poll, asked, sizeof(asked));
    EXPECT(2, SYS_POLL, PLACE, 5, 0);
    KCHECK(poll[0].revents == 0 && poll[1].revents == POLLNVAL && poll[2].revents == 0);
    KCHECK(poll[3].revents == POLLOUT && poll[4].revents == 0);
    EXPECT(0, SYS_POLL, PLACE + 2 * sizeof(*poll), 1, 0);
    EXPECT(1, SYS_WRITE, 4, PLACE, 1);
    EXPECT(1, SYS_POLL, PLACE + 2 * sizeof(*poll), 1, (unsigned)-1);
    KCHECK_EQ(poll[2].revents, POLLIN);
    EXPECT(1, SYS_READ, 3, PLACE + 100, 9);
    for (unsigned ms = 0; ms <= 2 * TICK_MS + 1; ms++)
        KCHECK_CALL(poll_waits(&poll[2], ms));
    EXPECT(-EINVAL, SYS_POLL, PLACE, FILES + 1, 0);
    EXPECT(-EINVAL, SYS_POLL, PLACE, 0x20000001, 0); /* times 8 it is 8 */
    poll[0] = poll[1] = (struct pollfd){FILES, POLLIN, 0};
    EXPECT(2, SYS_POLL, PLACE, 2, 0);
    poll[0] = (struct pollfd){FILES, POLLIN, 0};
    EXPECT(1, SYS_POLL, PLACE, 1, 0);
    KCHECK_EQ(poll[0].revents, POLLNVAL);
    *(struct pollfd *)(MORE - 4) = (struct pollfd){0, POLLOUT, 0};
    EXPECT(1, SYS_POLL, MORE - 4, 1, 0); /* it begins on one page and ends on another */
    KCHECK_EQ(((struct pollfd *)(MORE - 4))->revents, POLLOUT);
    memset(poll, 0xFF, FILES * sizeof(*poll));
    EXPECT(0, SYS_POLL, PLACE, FILES, 0);
    EXPECT(0, SYS_POLL, PLACE, 0, 0);
    for (int fd = 0; fd <= 2; fd++) {
        poll[0] = (struct pollfd){fd, POLLIN | POLLOUT, 0};
        EXPECT(1, SYS_POLL, PLACE, 1, 0);
    }
}

KTEST(process_poll_tells_what_is_ready)
{ puppet_checks(polls); }

/* The revents of FD when EVENTS are requested; the high half is not 0 if poll's count disagrees. */
static unsigned polled(int fd, unsigned events) {
    struct pollfd *poll = (struct pollfd *)MORE;

    *poll = (struct pollfd){fd, (uint16_t)events, 9};
    unsigned count = (unsigned)CALL(SYS_POLL, MORE, 1, 0);
    return poll->revents | (count - (poll->revents != 0)) << 16;
}

/* A pipe's ends, as on Linux: that nobody is at the other one is told unasked. */
static void pipe_polls(void) {
    const unsigned all = POLLIN | POLLOUT;

    EXPECT(0, SYS_PIPE2, PLACE, O_NONBLOCK);
    KCHECK(polled(3, all) == 0 && polled(4, all) == POLLOUT);
    EXPECT(1, SYS_WRITE, 4, PLACE, 1);
    KCHECK(polled(3, all) == POLLIN && polled(4, all) == 0); /* there is no room for PIPE_BUF bytes */
    EXPECT(PAGE_SIZE - 1, SYS_WRITE, 4, PLACE, PAGE_SIZE - 1);
    KCHECK(polled(3, POLLOUT) == 0 && polled(4, all) == 0);
    EXPECT(0, SYS_CLOSE, 4);
    KCHECK(polled(3, all) == (POLLIN | POLLHUP) && polled(3, 0) == POLLHUP);
    EXPECT(PAGE_SIZE, SYS_READ, 3, PLACE, PAGE_SIZE);
    KCHECK(polled(3, POLLIN) == POLLHUP);
    EXPECT(0, SYS_CLOSE, 3);
    EXPECT(0, SYS_PIPE2, PLACE, O_NONBLOCK);
    EXPECT(0, SYS_CLOSE, 3);
    KCHECK(polled(4, POLLIN) == POLLERR && polled(4, all) == (POLLOUT | POLLERR));
    EXPECT(3, SYS_OPEN, PUPPET_NAME);
    KCHECK_EQ(polled(3, all), all); /* files are always ready */
}

KTEST(process_poll_tells_of_both_ends_of_a_pipe)
{ puppet_checks(pipe_polls); }

/* ---- boot modules ---- */

KTEST(process_boot_modules_are_mapped_read_only)
{
    size_t mapped = 0;
    paddr_t pa;

    for (size_t i = 0; module_at(i) || process_module(i); i++) {
        const struct module *module = module_at(i);
        struct vmem_walk walk;
        KCHECK(module && process_module(i) == module->name);
        if ((uintptr_t)module->data < MODULES_START) /* a test's, in the kernel's image */
            continue;
        KCHECK((uintptr_t)module->data + module->size <= KERNEL_STACKS && module->size > 0);
        for (size_t at = 0; at < module->size; at += PAGE_SIZE) {
            vmem_walk(module->data + at, &walk);
            KCHECK(walk.pte & PTE_PRESENT && !(walk.pte & (PTE_WRITE | PTE_USER)));
            KCHECK_EQ(walk.pa, module->start + at);
        }
        KCHECK(vmem_translate(module->data + module->size - 1, &pa));
        mapped++;
    }
    if (!boot_info.modules)
        KSKIP("needs boot modules");
    KCHECK(mapped > 0);
}
