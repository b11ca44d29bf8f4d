/* Pipes: a page of bytes between two files. */
#include "file.h"
#include "kmalloc.h"
#include "process_inside.h"
#include "string.h"
#include "system_calls.h"
#include "user_memory.h"

#define PIPE_SIZE 4096u /* PIPE_BUF: a write of at most so much is never interleaved, but writev's parts are */

struct pipe {
    char *data;
    size_t first, used;
    bool has_reader, has_writer;
};

/* Waits for the other end of FILE's pipe to read, write or close. 0 or a negative error. */
static int wait_for_change(struct file *file) {
    if (file->flags & O_NONBLOCK)
        return -EAGAIN;
    if (signal_pending())
        return -ERESTART;
    schedule_wait(file->pipe, NULL);
    return 0;
}

static int pipe_read(struct file *file, char *buffer, size_t n) {
    struct pipe *pipe = file->pipe;
    size_t done = 0;

    for (int error; pipe->used == 0;) {
        if (!pipe->has_writer)
            return 0;
        if ((error = wait_for_change(file)) < 0)
            return error;
    }
    while (done < n && pipe->used) {
        size_t part = user_part(buffer, n - done, true), straight = PIPE_SIZE - pipe->first;

        if (!part)
            break;
        part = part < pipe->used ? part : pipe->used;
        part = part < straight ? part : straight;
        memcpy(buffer, pipe->data + pipe->first, part);
        pipe->first = (pipe->first + part) % PIPE_SIZE;
        pipe->used -= part;
        buffer += part;
        done += part;
    }
    if (!done)
        return -EFAULT;
    schedule_wake(pipe);
    return (int)done;
}

/* Writes as much as fits. Returns the number of bytes; 0 if the program may not read BUFFER. */
static size_t fill(struct pipe *pipe, const char *buffer, size_t n) {
    size_t last = (pipe->first + pipe->used) % PIPE_SIZE, room = PIPE_SIZE - pipe->used;
    size_t part = user_part(buffer, n, false), straight = PIPE_SIZE - last;

    part = part < room ? part : room;
    part = part < straight ? part : straight;
    memcpy(pipe->data + last, buffer, part);
    pipe->used += part;
    return part;
}

static int pipe_write(struct file *file, const char *buffer, size_t n) {
    struct pipe *pipe = file->pipe;
    size_t done = 0;

    while (done < n) {
        size_t left = n - done, room = PIPE_SIZE - pipe->used, part = 0;
        int error = -EFAULT;

        if (!pipe->has_reader) {
            signal_send(current, SIGPIPE);
            return done ? (int)done : -EPIPE;
        }
        if (room >= left || (room && n > PIPE_SIZE))
            part = fill(pipe, buffer, left);
        else if ((error = wait_for_change(file)) == 0)
            continue;
        if (!part)
            return done ? (int)done : error;
        buffer += part;
        done += part;
        schedule_wake(pipe);
    }
    return (int)done;
}

static void close_end(struct pipe *pipe, bool *end) {
    *end = false;
    schedule_wake(pipe);
    if (pipe->has_reader || pipe->has_writer)
        return;
    kfree(pipe->data);
    kfree(pipe);
}

static void close_reader(struct file *file) { close_end(file->pipe, &file->pipe->has_reader); }
static void close_writer(struct file *file) { close_end(file->pipe, &file->pipe->has_writer); }

static unsigned reader_events(struct file *file) {
    const struct pipe *pipe = file->pipe;

    return (pipe->used ? POLLIN : 0) | (pipe->has_writer ? 0 : POLLHUP);
}

static unsigned writer_events(struct file *file) {
    const struct pipe *pipe = file->pipe;

    /* POLLOUT promises that a write of PIPE_BUF bytes does not wait: that is the whole pipe. */
    return (pipe->used ? 0 : POLLOUT) | (pipe->has_reader ? 0 : POLLERR);
}

const struct file_type pipe_read_type = {
    .mode = S_IFIFO | 0600, .read = pipe_read, .events = reader_events, .close = close_reader};
const struct file_type pipe_write_type = {
    .mode = S_IFIFO | 0600, .write = pipe_write, .events = writer_events, .close = close_writer};

static struct pipe *create_pipe(void) {
    struct pipe *pipe = kzalloc(sizeof(*pipe));

    if (pipe && !(pipe->data = kmalloc(PIPE_SIZE))) {
        kfree(pipe);
        return NULL;
    }
    return pipe;
}

/* An end of PIPE as the lowest free descriptor. */
static int open_end(struct pipe *pipe, const struct file_type *type, unsigned flags, bool *end) {
    struct file *file = file_create(type, (flags & O_NONBLOCK) | (type->write ? O_WRONLY : O_RDONLY));

    if (!file)
        return -ENOMEM;
    file->pipe = pipe;
    *end = true;
    return file_install(file, 0, flags & O_CLOEXEC);
}

static int open_pipe(int *fd, unsigned flags) {
    struct pipe *pipe = create_pipe();

    if (!pipe)
        return -ENOMEM;
    pipe->has_writer = true; /* keeps the pipe until both ends are open */
    fd[0] = open_end(pipe, &pipe_read_type, flags, &pipe->has_reader);
    fd[1] = fd[0] < 0 ? fd[0] : open_end(pipe, &pipe_write_type, flags, &pipe->has_writer);
    if (fd[1] >= 0)
        return 0;
    close_end(pipe, &pipe->has_writer);
    if (fd[0] >= 0)
        files_close(&current->files, 1u << fd[0]);
    return fd[1];
}

int sys_pipe2(struct trap_frame *frame) {
    int fd[2];

    if (frame->ecx & ~(unsigned)(O_NONBLOCK | O_CLOEXEC))
        return -EINVAL;
    int error = open_pipe(fd, frame->ecx);
    if (error < 0 || copy_to_user((void *)frame->ebx, fd, sizeof(fd)) == 0)
        return error;
    files_close(&current->files, 1u << fd[0] | 1u << fd[1]);
    return -EFAULT;
}

int sys_pipe(struct trap_frame *frame) {
    struct trap_frame without_flags = *frame;

    without_flags.ecx = 0;
    return sys_pipe2(&without_flags);
}
