/* Lab tables, a plain solution: where an entry is seen. */

static inline pte_t *pte_of(vpn_t vpn) { return (pte_t *)WINDOW_START + vpn; }
static inline pde_t *pde_of(vpn_t vpn) { return (pde_t *)DIRECTORY_WINDOW + vpn / ENTRIES_PER_TABLE; }
