/* Circular doubly linked lists, threaded through their members: a member embeds a struct list as its first
 * field, and a list is a struct list that belongs to none. A member in no list is linked to itself. */
#ifndef QUIRE_LIST_H
#define QUIRE_LIST_H

#include "types.h"

struct list {
    struct list *next, *previous;
};

static inline void list_init(struct list *list) { list->next = list->previous = list; }

static inline bool list_empty(const struct list *list) { return list->next == list; }

/* Puts MEMBER, which is in no list, at the front of LIST; and at its end. */
static inline void list_push(struct list *list, struct list *member) {
    member->next = list->next;
    member->previous = list;
    list->next->previous = member;
    list->next = member;
}
static inline void list_append(struct list *list, struct list *member) { list_push(list->previous, member); }

/* Takes MEMBER out of the list that it is in, if any. */
static inline void list_remove(struct list *member) {
    member->next->previous = member->previous;
    member->previous->next = member->next;
    list_init(member);
}

/* Takes out the first member of LIST, which is not empty. */
static inline struct list *list_pop(struct list *list) {
    struct list *first = list->next;
    list_remove(first);
    return first;
}

#endif
