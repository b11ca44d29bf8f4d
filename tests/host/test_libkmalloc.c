/* libkmalloc.so: what the C standard, POSIX and the GNU C library promise of the allocation functions.
 *
 * This program runs with LD_PRELOAD and without sanitizers. cmocka itself then allocates from the library. */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "memlayout.h"
#include "support.h"

static volatile size_t huge = SIZE_MAX; /* volatile: compilers warn of a constant of this size */

static bool is_ours(const void *p) { return (uintptr_t)p >= KHEAP_START && (uintptr_t)p < KHEAP_END; }

static void test_every_function_is_the_librarys(void **state) {
    void *p[8] = {malloc(10),
                  calloc(3, 5),
                  realloc(NULL, 7),
                  reallocarray(NULL, 4, 9),
                  memalign(64, 10),
                  aligned_alloc(32, 64),
                  NULL,
                  strdup("by the C library itself")};
    (void)state;
    assert_int_equal(posix_memalign(&p[6], 128, 10), 0);
    for (size_t i = 0; i < ARRAY_SIZE(p); i++) {
        assert_true(is_ours(p[i]));
        assert_true(malloc_usable_size(p[i]) >= 10 || i == 2);
        free(p[i]);
    }
    free(NULL);
    assert_int_equal(malloc_usable_size(NULL), 0);
}

static void test_size_0_is_an_object_of_its_own(void **state) {
    void *p[6] = {malloc(0), malloc(0), calloc(0, 5), realloc(NULL, 0), memalign(16, 0), NULL};
    (void)state;
    assert_int_equal(posix_memalign(&p[5], 16, 0), 0);
    for (size_t i = 0; i < ARRAY_SIZE(p); i++) {
        assert_non_null(p[i]);
        for (size_t j = 0; j < i; j++)
            assert_ptr_not_equal(p[i], p[j]);
    }
    for (size_t i = 0; i < ARRAY_SIZE(p); i++)
        free(p[i]);
}

static void test_objects_are_aligned_for_every_type(void **state) {
    (void)state;
    for (size_t size = 1; size < 5000; size++) {
        char *p = malloc(size);
        assert_int_equal((uintptr_t)p % (size < 16 ? 8 : 16), 0);
        memset(p, 0xFF, malloc_usable_size(p));
        free(p);
    }
}

static void test_calloc_clears(void **state) {
    (void)state;
    for (size_t size = 1; size < 20000; size += 1 + size / 10) {
        char *dirty = malloc(size), *p;
        memset(dirty, 0xFF, size);
        free(dirty);
        p = calloc(size, 1);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(p[i], 0);
        free(p);
    }
}

static void test_too_much_is_null_and_enomem(void **state) {
    void *volatile p = malloc(100); /* a failed realloc must not free it */
    void *kept = p;
    (void)state;
    errno = 0;
    assert_null(malloc(huge));
    assert_int_equal(errno, ENOMEM);
    errno = 0;
    assert_null(calloc(huge / 2 + 2, 2)); /* wraps to 2 */
    assert_int_equal(errno, ENOMEM);
    errno = 0;
    assert_null(calloc(huge, huge));
    assert_int_equal(errno, ENOMEM);
    errno = 0;
    assert_null(realloc(p, huge));
    assert_int_equal(errno, ENOMEM);
    errno = 0;
    assert_null(reallocarray(p, huge / 2 + 2, 2));
    assert_int_equal(errno, ENOMEM);
    errno = 0;
    assert_null(memalign(64, huge));
    assert_int_equal(errno, ENOMEM);
    errno = 0;
    assert_null(aligned_alloc(64, huge - 63));
    assert_int_equal(errno, ENOMEM);
    errno = 0;
    assert_int_equal(posix_memalign(&kept, 64, huge), ENOMEM);
    assert_int_equal(errno, 0);
    assert_ptr_equal(kept, p);
    free(p);
}

static void test_realloc_to_size_0_frees(void **state) {
    void *volatile p = malloc(100);
    (void)state;
    assert_null(realloc(p, 0));
    assert_int_equal(malloc_usable_size(p), 0);
}

static void test_realloc_keeps_the_contents(void **state) {
    size_t old = 1;
    unsigned char *p = malloc(old);
    (void)state;
    p[0] = 0;
    for (unsigned round = 0; round < 3000; round++) {
        size_t size = 1 + (random_word() >> random_between(13, 32)) % 300000;
        p = round % 2 ? realloc(p, size) : reallocarray(p, size, 1);
        for (size_t i = 0; i < old && i < size; i++)
            if (p[i] != (unsigned char)(i * 7))
                fail_msg("byte %zu is lost from %zu to %zu", i, old, size);
        for (size_t i = old; i < size; i++)
            p[i] = (unsigned char)(i * 7);
        old = size;
    }
    free(p);
}

static void test_alignments(void **state) {
    static const size_t bad[] = {0, 3, 24, 100};
    void *p = NULL;
    (void)state;
    for (size_t align = sizeof(void *); align <= 1 << 20; align *= 2) {
        assert_int_equal(posix_memalign(&p, align, 100), 0);
        assert_int_equal((uintptr_t)p % align, 0);
        free(p);
        p = aligned_alloc(align, align);
        assert_int_equal((uintptr_t)p % align, 0);
        free(p);
        p = memalign(align - 1, 100); /* rounded up */
        assert_int_equal((uintptr_t)p % align, 0);
        free(p);
    }
    p = NULL;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_int_equal(posix_memalign(&p, bad[i], 100), EINVAL);
        errno = 0;
        assert_null(aligned_alloc(bad[i], 100));
        assert_int_equal(errno, EINVAL);
    }
    assert_int_equal(posix_memalign(&p, 2, 100), EINVAL); /* below sizeof(void *) */
    assert_null(p);
    errno = 0;
    assert_null(memalign(huge, 1));
    assert_int_equal(errno, EINVAL);
}

static void test_free_keeps_errno(void **state) {
    void *p = malloc(1 << 20);
    (void)state;
    errno = 12345;
    free(p);
    assert_int_equal(errno, 12345);
}

/* ---- threads and forks ---- */

#define THREADS 8

static void *work(void *argument) {
    unsigned char *objects[100] = {0};
    unsigned seed = (uintptr_t)argument, wrong = 0;
    for (int round = 0; round < 50000; round++) {
        unsigned i = (unsigned)rand_r(&seed) % 100, size = (unsigned)rand_r(&seed) % (i == 0 ? 100000 : 600) + 1;
        if (objects[i]) {
            wrong += objects[i][0] != (unsigned char)i;
            free(objects[i]);
        }
        objects[i] = malloc(size);
        memset(objects[i], (int)i, size);
    }
    for (unsigned i = 0; i < 100; i++)
        free(objects[i]);
    return (void *)(uintptr_t)wrong;
}

static void test_threads_share_the_heap(void **state) {
    pthread_t threads[THREADS];
    void *wrong;
    (void)state;
    for (uintptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work, (void *)(i + 1)), 0);
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], &wrong), 0);
        assert_null(wrong);
    }
}

static volatile bool stop;

static void *keep_busy(void *argument) {
    while (!stop)
        free(malloc(100));
    return argument;
}

/* A child forked while another thread held the lock would wait for ever. */
static void test_forks_while_others_allocate(void **state) {
    pthread_t threads[4];
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, keep_busy, NULL), 0);
    for (int round = 0; round < 200; round++) {
        int status;
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            alarm(20);
            char *p = malloc(5000);
            free(p);
            _exit(p ? 0 : 1);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
    stop = true;
    for (unsigned i = 0; i < ARRAY_SIZE(threads); i++)
        pthread_join(threads[i], NULL);
}

static void test_a_double_free_ends_the_program(void **state) {
    int status;
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        void *volatile p = malloc(100);
        free(p);
        signal(SIGABRT, SIG_DFL);
        free(p);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_every_function_is_the_librarys),
    cmocka_unit_test(test_size_0_is_an_object_of_its_own),
    cmocka_unit_test(test_objects_are_aligned_for_every_type),
    cmocka_unit_test(test_calloc_clears),
    cmocka_unit_test(test_too_much_is_null_and_enomem),
    cmocka_unit_test(test_realloc_to_size_0_frees),
    cmocka_unit_test(test_realloc_keeps_the_contents),
    cmocka_unit_test(test_alignments),
    cmocka_unit_test(test_free_keeps_errno),
    cmocka_unit_test(test_threads_share_the_heap),
    cmocka_unit_test(test_forks_while_others_allocate),
    cmocka_unit_test(test_a_double_free_ends_the_program),
};

HOST_MAIN(tests)
