/* Open files: modules, the directory of them, the terminal, pipes, and nothing (/dev/null). */
#ifndef QUIRE_FILE_H
#define QUIRE_FILE_H

#include "module.h"

#define FILES_MAX 32 /* descriptors of a process */

struct file;

/* The operations of a kind of file; NULL: not supported. N > 0, and BUFFER is the program's. read and
 * write return the number of bytes, or a negative error. */
struct file_type {
    unsigned mode; /* S_IF... and permissions */
    int (*read)(struct file *file, char *buffer, size_t n);
    int (*write)(struct file *file, const char *buffer, size_t n);
    unsigned (*events)(struct file *file);            /* the current poll events; NULL: reads and writes never wait */
    int (*control)(unsigned request, void *argument); /* ioctl */
    void (*close)(struct file *file);
};

struct file {
    const struct file_type *type;
    unsigned users; /* descriptors that refer to it */
    unsigned flags; /* O_NONBLOCK, and how it was opened */
    size_t offset;
    const struct module *module; /* a module's */
    struct pipe *pipe;           /* a pipe's end */
};

struct files {
    struct file *file[FILES_MAX];
    unsigned close_on_exec; /* a bit a descriptor */
};

/* A file of TYPE with no user yet; NULL when memory has run out. */
struct file *file_create(const struct file_type *type, unsigned flags);
void file_drop(struct file *file);

/* Gives FILE the lowest free descriptor from FROM on, and returns it. -EMFILE if there is none; a FILE
 * without users is then closed. */
int file_install(struct file *file, int from, bool close_on_exec);

/* The current process's file FD, or NULL. */
struct file *file_get(int fd);

/* The module that FD reads, or NULL. */
const struct module *file_module(int fd);

/* Descriptors 0 to 2 on the terminal; false when memory has run out. */
bool files_open_terminal(struct files *files);
void files_share(struct files *files); /* FILES is a copy of another process's: counts its users */
void files_close(struct files *files, unsigned which); /* a bit a descriptor */

/* What the program's USER_PATH names: *TYPE, and *MODULE, NULL where it is no module. 0 or a negative error. */
int file_look_up(const char *user_path, const struct file_type **type, const struct module **module);

extern const struct file_type module_type, directory_type, null_type; /* directory.c */
extern const struct file_type tty_type;                               /* tty.c */
extern const struct file_type pipe_read_type, pipe_write_type;        /* pipe.c */

#endif
