/* Open files and descriptors. See file.h. What paths name is directory.c's. */
#include "file.h"

#include "kmalloc.h"
#include "linux.h"
#include "process_inside.h"
#include "string.h"
#include "system_calls.h"
#include "timer.h"
#include "user_memory.h"

/* ---- descriptors ---- */

/* A file of TYPE with no user yet; NULL when memory has run out. */
struct file *file_create(const struct file_type *type, unsigned flags) {
    struct file *file = kzalloc(sizeof(*file));

    if (file) {
        file->type = type;
        file->flags = flags;
    }
    return file;
}

/* Drops one user of FILE; the last one closes it. */
void file_drop(struct file *file) {
    if (file->users > 0 && --file->users > 0)
        return;
    if (file->type->close)
        file->type->close(file);
    kfree(file);
}

static void set_bit(unsigned *bits, int i, bool set) { *bits = (*bits & ~(1u << i)) | (unsigned)set << i; }

/* Gives FILE the lowest free descriptor from FROM on, and returns it. -EMFILE if there is none; a FILE
 * without users is then closed. */
int file_install(struct file *file, int from, bool close_on_exec) {
    struct files *files = &current->files;

    for (int fd = from; fd < FILES_MAX; fd++) {
        if (files->file[fd])
            continue;
        files->file[fd] = file;
        file->users++;
        set_bit(&files->close_on_exec, fd, close_on_exec);
        return fd;
    }
    if (!file->users)
        file_drop(file);
    return -EMFILE;
}

/* The current process's file FD, or NULL. */
struct file *file_get(int fd) {
    return fd >= 0 && fd < FILES_MAX ? current->files.file[fd] : NULL;
}

/* The module that FD reads, or NULL. */
const struct module *file_module(int fd) {
    struct file *file = file_get(fd);

    return file ? file->module : NULL;
}

/* Descriptors 0 to 2 on the terminal; false when memory has run out. */
bool files_open_terminal(struct files *files) {
    struct file *file = file_create(&tty_type, O_RDWR);

    if (!file)
        return false;
    for (int fd = 0; fd <= 2; fd++)
        files->file[fd] = file;
    file->users = 3;
    return true;
}

/* FILES is a copy of another process's descriptors: counts the new users. */
void files_share(struct files *files) {
    for (int fd = 0; fd < FILES_MAX; fd++)
        if (files->file[fd])
            files->file[fd]->users++;
}

/* Closes the descriptors whose bits are set in WHICH. */
void files_close(struct files *files, unsigned which) {
    for (int fd = 0; fd < FILES_MAX; fd++) {
        struct file *file = files->file[fd];
        if (!(which >> fd & 1) || !file)
            continue;
        files->file[fd] = NULL;
        file_drop(file);
    }
    files->close_on_exec &= ~which;
}

int sys_close(struct trap_frame *frame) {
    if (!file_get((int)frame->ebx))
        return -EBADF;
    files_close(&current->files, 1u << frame->ebx);
    return 0;
}

/* ---- reading and writing ---- */

#define COUNT_MAX 0x7FFFF000u /* bytes, as in Linux */
#define VECTOR_MAX 1024u      /* parts */

/* The file, if it has been opened for writing, or for reading; or NULL. (What cannot be written is not opened for it.) */
static inline struct file *file_for(int fd, bool write) {
    struct file *file = file_get(fd);

    return file && (file->flags & O_ACCMODE) != (write ? O_RDONLY : O_WRONLY) ? file : NULL;
}

/* Reads or writes the N bytes at BUFFER. */
static int transfer(int fd, bool write, uintptr_t buffer, size_t n) {
    struct file *file = file_for(fd, write);

    if (!file)
        return -EBADF;
    if (n == 0)
        return 0;
    n = n < COUNT_MAX ? n : COUNT_MAX;
    return write ? file->type->write(file, (const char *)buffer, n)
                 : file->type->read(file, (char *)buffer, n);
}

int sys_read(struct trap_frame *frame) { return transfer((int)frame->ebx, false, frame->ecx, frame->edx); }
int sys_write(struct trap_frame *frame) { return transfer((int)frame->ebx, true, frame->ecx, frame->edx); }

/* FILE's current poll events, POLLERR and POLLHUP included. */
static unsigned events_of(struct file *file) {
    return file->type->events ? file->type->events(file) : POLLIN | POLLOUT;
}

/* The same for COUNT buffers; stops after the first that is not transferred whole. A read may wait only before its first
 * byte. */
static int transfer_vector(int fd, bool write, const struct iovec *vector, unsigned count) {
    struct file *file = file_for(fd, write);
    struct iovec part;
    int done = 0;

    if (!file)
        return -EBADF;
    if (count > VECTOR_MAX)
        return -EINVAL;
    for (; count && (write || !done || events_of(file) & POLLIN); count--, vector++) {
        if (copy_from_user(&part, vector, sizeof(part)) < 0)
            return done ? done : -EFAULT;
        if (part.length > COUNT_MAX - (unsigned)done)
            part.length = COUNT_MAX - (unsigned)done;
        int n = transfer(fd, write, part.base, part.length);
        if (n < 0)
            return done ? done : n;
        done += n;
        if ((unsigned)n < part.length)
            break;
    }
    return done;
}

int sys_readv(struct trap_frame *frame) {
    return transfer_vector((int)frame->ebx, false, (const struct iovec *)frame->ecx, frame->edx);
}

int sys_writev(struct trap_frame *frame) {
    return transfer_vector((int)frame->ebx, true, (const struct iovec *)frame->ecx, frame->edx);
}

/* Moves FD's offset by *OFFSET from what WHENCE says; the new one goes to *OFFSET. */
static int seek(int fd, int64_t *offset, unsigned whence) {
    struct file *file = file_get(fd);

    if (!file)
        return -EBADF;
    if (file->type == &null_type) {
        *offset = 0;
        return 0;
    }
    if (file->type != &module_type && file->type != &directory_type)
        return -ESPIPE;
    if (whence > SEEK_END)
        return -EINVAL;
    const int64_t from = whence == SEEK_CUR                   ? file->offset
                         : whence == SEEK_END && file->module ? file->module->size
                                                              : 0;
    if (*offset < -from || *offset > INT32_MAX - from)
        return -EINVAL;
    file->offset = (size_t)(*offset += from);
    return 0;
}

int sys_lseek(struct trap_frame *frame) {
    int64_t offset = (int)frame->ecx;
    int error = seek((int)frame->ebx, &offset, frame->edx);

    return error < 0 ? error : (int)offset;
}

int sys_llseek(struct trap_frame *frame) {
    int64_t offset = (int64_t)((uint64_t)frame->ecx << 32 | frame->edx);
    int error = seek((int)frame->ebx, &offset, frame->edi);

    if (error < 0)
        return error;
    return copy_to_user((void *)frame->esi, &offset, sizeof(offset));
}

int sys_ioctl(struct trap_frame *frame) {
    struct file *file = file_get((int)frame->ebx);

    if (!file)
        return -EBADF;
    return file->type->control ? file->type->control(frame->ecx, (void *)frame->edx) : -ENOTTY;
}

/* ---- duplicates ---- */

int sys_dup(struct trap_frame *frame) {
    struct file *file = file_get((int)frame->ebx);

    return file ? file_install(file, 0, false) : -EBADF;
}

/* Makes descriptor TO refer to FROM's file. */
static int dup_to(int from, unsigned to, bool close_on_exec) {
    struct file *file = file_get(from);

    if (!file || to >= FILES_MAX)
        return -EBADF;
    if ((unsigned)from == to)
        return from;
    files_close(&current->files, 1u << to);
    return file_install(file, (int)to, close_on_exec);
}

int sys_dup2(struct trap_frame *frame) { return dup_to((int)frame->ebx, frame->ecx, false); }

int sys_dup3(struct trap_frame *frame) {
    if (frame->ebx == frame->ecx || frame->edx & ~(unsigned)O_CLOEXEC)
        return -EINVAL;
    return dup_to((int)frame->ebx, frame->ecx, frame->edx);
}

int sys_fcntl64(struct trap_frame *frame) {
    int fd = (int)frame->ebx;
    struct file *file = file_get(fd);
    unsigned *close_on_exec = &current->files.close_on_exec;

    if (!file)
        return -EBADF;
    switch (frame->ecx) {
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
        if (frame->edx >= FILES_MAX)
            return -EINVAL;
        return file_install(file, (int)frame->edx, frame->ecx == F_DUPFD_CLOEXEC);
    case F_GETFD:
        return *close_on_exec >> fd & 1;
    case F_SETFD:
        set_bit(close_on_exec, fd, frame->edx & FD_CLOEXEC);
        return 0;
    case F_GETFL:
        return (int)file->flags;
    case F_SETFL:
        file->flags = (file->flags & ~(unsigned)O_NONBLOCK) | (frame->edx & O_NONBLOCK);
        return 0;
    default:
        return -EINVAL;
    }
}

/* ---- waiting for several ---- */

/* The events to report for POLL: those it requests, and errors and hangups regardless. */
static unsigned look(const struct pollfd *poll) {
    struct file *file = file_get(poll->fd);

    if (poll->fd < 0)
        return 0;
    if (!file)
        return POLLNVAL;
    return events_of(file) & (poll->events | POLLERR | POLLHUP);
}

/* How many of the COUNT files at POLLS are ready; marks them there. */
static int look_at_all(struct pollfd *polls, unsigned count) {
    struct pollfd poll;
    int found = 0;

    for (; count; count--, polls++) {
        if (copy_from_user(&poll, polls, sizeof(poll)) < 0)
            return -EFAULT;
        poll.revents = (uint16_t)look(&poll);
        found += poll.revents != 0;
        if (copy_to_user(polls, &poll, sizeof(poll)) < 0)
            return -EFAULT;
    }
    return found;
}

/* Looks again at each tick, and whenever a signal comes. */
int sys_poll(struct trap_frame *frame) {
    unsigned start = timer_ticks(), ticks = (frame->edx + 1000 / TIMER_HZ - 1) / (1000 / TIMER_HZ);
    int found;

    if (frame->ecx > FILES_MAX)
        return -EINVAL;
    while ((found = look_at_all((struct pollfd *)frame->ebx, frame->ecx)) == 0) {
        unsigned next = timer_ticks() + 1;

        if ((int)frame->edx >= 0 && timer_ticks() - start >= ticks)
            return 0;
        if (signal_pending())
            return -EINTR;
        schedule_wait(NULL, &next);
    }
    return found;
}
