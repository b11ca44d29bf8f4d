/* The directory: what paths name, and what programs are told of it. See file.h.
 *
 * There is one directory, "/", with the modules; beside it /dev/null, /dev/tty and /proc/self/exe. Nothing can be
 * written to but the terminal, pipes and /dev/null. */
#include "file.h"
#include "linux.h"
#include "process_inside.h"
#include "string.h"
#include "system_calls.h"
#include "user_memory.h"

/* ---- kinds ---- */

static int module_read(struct file *file, char *buffer, size_t n) {
    const struct module *module = file->module;

    if (file->offset >= module->size)
        return 0;
    if (n > module->size - file->offset)
        n = module->size - file->offset;
    n = copy_part_to_user(buffer, module->data + file->offset, n);
    file->offset += n;
    return n ? (int)n : -EFAULT;
}

static int null_read(struct file *file, char *buffer, size_t n) {
    (void)file, (void)buffer, (void)n;
    return 0;
}

static int null_write(struct file *file, const char *buffer, size_t n) {
    (void)file, (void)buffer;
    return (int)n;
}

static int directory_read(struct file *file, char *buffer, size_t n) {
    (void)file, (void)buffer, (void)n;
    return -EISDIR;
}

const struct file_type module_type = {.mode = S_IFREG | 0555, .read = module_read};
const struct file_type null_type = {.mode = S_IFCHR | 0666, .read = null_read, .write = null_write};
const struct file_type directory_type = {.mode = S_IFDIR | 0555, .read = directory_read};

/* ---- paths ---- */

/* What PATH names, with *MODULE set where it is a module; NULL if there is nothing. */
static const struct file_type *find(const char *path, const struct module **module) {
    const char *name = module_base(path);

    *module = NULL;
    if (!strcmp(path, "/dev/null"))
        return &null_type;
    if (!strcmp(path, "/dev/tty"))
        return &tty_type;
    if (!strcmp(path, "/proc/self/exe"))
        *module = current->program;
    else if (*path && (!*name || !strcmp(name, ".") || !strcmp(name, "..")))
        return &directory_type;
    else
        *module = module_find(path);
    return *module ? &module_type : NULL;
}

/* Looks up the program's USER_PATH. 0 or a negative error. */
int file_look_up(const char *user_path, const struct file_type **type, const struct module **module) {
    char path[PATH_MAX];
    int error = copy_string_from_user(path, user_path, sizeof(path));

    if (error < 0)
        return error;
    return (*type = find(path, module)) ? 0 : -ENOENT;
}

static int open_path(const char *user_path, unsigned flags) {
    bool writes = (flags & O_ACCMODE) != O_RDONLY || flags & O_TRUNC;
    const struct file_type *type;
    const struct module *module;
    int error = file_look_up(user_path, &type, &module);

    if (error < 0)
        return error == -ENOENT && flags & O_CREAT ? -EROFS : error;
    if (flags & O_CREAT && flags & O_EXCL)
        return -EEXIST;
    if (flags & O_DIRECTORY && type != &directory_type)
        return -ENOTDIR;
    if (writes && !type->write)
        return type == &directory_type ? -EISDIR : -EROFS;
    struct file *file = file_create(type, flags & (O_ACCMODE | O_NONBLOCK));
    if (!file)
        return -ENOMEM;
    file->module = module;
    return file_install(file, 0, flags & O_CLOEXEC);
}

int sys_open(struct trap_frame *frame) { return open_path((const char *)frame->ebx, frame->ecx); }

/* There is only one directory, so the directory descriptor does not matter. */
int sys_openat(struct trap_frame *frame) { return open_path((const char *)frame->ecx, frame->edx); }

#define MAY_WRITE 2u

static int access_path(const char *user_path, unsigned mode) {
    const struct file_type *type;
    const struct module *module;
    int error = file_look_up(user_path, &type, &module);

    return error < 0 ? error : mode & MAY_WRITE && !type->write ? -EROFS : 0;
}

int sys_access(struct trap_frame *frame) { return access_path((const char *)frame->ebx, frame->ecx); }
int sys_faccessat(struct trap_frame *frame) { return access_path((const char *)frame->ecx, frame->edx); }

int sys_chdir(struct trap_frame *frame) {
    const struct file_type *type;
    const struct module *module;
    int error = file_look_up((const char *)frame->ebx, &type, &module);

    return error < 0 ? error : type == &directory_type ? 0 : -ENOTDIR;
}

int sys_getcwd(struct trap_frame *frame) {
    if (frame->ecx < 2)
        return -ERANGE;
    return copy_to_user((void *)frame->ebx, "/", 2) < 0 ? -EFAULT : 2;
}

/* The one symbolic link is /proc/self/exe. */
int sys_readlink(struct trap_frame *frame) {
    char path[PATH_MAX];
    const struct module *module;
    const char *name = current->program->name;
    size_t n = strlen(name) + 1;
    int error = copy_string_from_user(path, (const char *)frame->ebx, sizeof(path));

    if (error < 0)
        return error;
    if (strcmp(path, "/proc/self/exe"))
        return find(path, &module) ? -EINVAL : -ENOENT;
    if (frame->edx == 0)
        return -EINVAL;
    if (n > frame->edx)
        n = frame->edx;
    if (copy_to_user((void *)frame->ecx, "/", 1) < 0 ||
        copy_to_user((void *)(frame->ecx + 1), name, n - 1) < 0)
        return -EFAULT;
    return (int)n;
}

/* ---- what a file is ---- */

#define TTY_DEVICE 0x0500
#define NULL_DEVICE 0x0103

struct about {
    unsigned mode, inode, device;
    size_t size;
};

static struct about about(const struct file_type *type, const struct module *module) {
    return (struct about){
        .mode = type->mode,
        .inode = module                    ? 2 + (unsigned)(module - module_at(0))
                 : type == &directory_type ? 1
                                           : 1000,
        .device = type == &tty_type    ? TTY_DEVICE
                  : type == &null_type ? NULL_DEVICE
                                       : 0,
        .size = module ? module->size : 0,
    };
}

/* Describes the file that USER_PATH names; if the path is NULL or empty, the file of descriptor FD. */
static int about_file(int fd, const char *user_path, struct about *out) {
    const struct file_type *type;
    const struct module *module;
    char first = '\0';
    struct file *file;
    int error;

    if (user_path && copy_from_user(&first, user_path, 1) < 0)
        return -EFAULT;
    if (first) {
        if ((error = file_look_up(user_path, &type, &module)) == 0)
            *out = about(type, module);
        return error;
    }
    if (!(file = file_get(fd)))
        return user_path && fd == AT_FDCWD ? -ENOENT : -EBADF;
    *out = about(file->type, file->module);
    return 0;
}

static int give_stat64(int fd, const char *path, void *to) {
    struct about file;
    int error = about_file(fd, path, &file);

    if (error)
        return error;
    const struct stat64 stat = {
        .dev = 1,
        .ino32 = file.inode,
        .mode = file.mode,
        .nlink = 1,
        .rdev = file.device,
        .size = file.size,
        .blksize = PAGE_SIZE,
        .blocks = (file.size + 511) / 512,
        .ino = file.inode,
    };
    return copy_to_user(to, &stat, sizeof(stat));
}

int sys_stat64(struct trap_frame *frame) {
    return give_stat64(AT_FDCWD, (const char *)frame->ebx, (void *)frame->ecx);
}

int sys_fstat64(struct trap_frame *frame) { return give_stat64((int)frame->ebx, NULL, (void *)frame->ecx); }

int sys_fstatat64(struct trap_frame *frame) {
    return give_stat64((int)frame->ebx, (const char *)frame->ecx, (void *)frame->edx);
}

int sys_statx(struct trap_frame *frame) {
    struct about file;
    int error = about_file((int)frame->ebx, (const char *)frame->ecx, &file);

    if (error)
        return error;
    const struct statx statx = {
        .mask = STATX_BASIC_STATS,
        .blksize = PAGE_SIZE,
        .nlink = 1,
        .mode = (uint16_t)file.mode,
        .ino = file.inode,
        .size = file.size,
        .blocks = (file.size + 511) / 512,
        .rdev_major = file.device >> 8,
        .rdev_minor = file.device & 0xFF,
        .dev_minor = 1,
    };
    return copy_to_user((void *)frame->edi, &statx, sizeof(statx));
}

/* Entry I of the directory; false past the last. */
static bool entry_name(size_t i, const char **name, struct about *file) {
    const struct module *module = i < 2 ? NULL : module_at(i - 2);

    if (i >= 2 && !module)
        return false;
    *file = about(module ? &module_type : &directory_type, module);
    *name = module ? module->name : i ? ".." : ".";
    return true;
}

int sys_getdents64(struct trap_frame *frame) {
    struct file *file = file_get((int)frame->ebx);
    struct about what;
    const char *name;
    size_t done = 0;

    if (!file || file->type != &directory_type)
        return file ? -ENOTDIR : -EBADF;
    for (; entry_name(file->offset, &name, &what); file->offset++) {
        size_t bytes = sizeof(struct dirent64) + strlen(name) + 1, length = (bytes + 7) & ~(size_t)7;
        struct dirent64 entry = {what.inode, file->offset + 1, (uint16_t)length, (uint8_t)(what.mode >> 12)};
        uintptr_t to = frame->ecx + done;

        if (length > frame->edx - done)
            return done ? (int)done : -EINVAL;
        if (copy_to_user((void *)to, &entry, sizeof(entry)) < 0 ||
            copy_to_user((void *)(to + sizeof(entry)), name, strlen(name) + 1) < 0)
            return done ? (int)done : -EFAULT; /* the next call returns this entry */
        done += length;
    }
    return (int)done;
}
