/* checkpoint_folder.h - the folder in which the checkpoints of one run lie: their names, and who may write there. */
#ifndef BP_CHECKPOINT_FOLDER_H
#define BP_CHECKPOINT_FOLDER_H

#include "base/base.h"

/* Steps of which a folder has checkpoints, the newest first. */
typedef struct bp_checkpoint_list {
    bp_allocator allocator;
    size_t count, room;
    uint64_t *step;
} bp_checkpoint_list;

/* BP_ERR_DATA if there is no such folder. Release also after a failure. */
bp_status bp_checkpoint_list_make(bp_checkpoint_list *out, const char *folder, const bp_allocator *a);
bp_status bp_checkpoint_list_add(bp_checkpoint_list *list, uint64_t step);
void bp_checkpoint_list_remove(bp_checkpoint_list *list, uint64_t step);
bool bp_checkpoint_list_has(const bp_checkpoint_list *list, uint64_t step);
void bp_checkpoint_list_free(bp_checkpoint_list *list);

/* "FOLDER/checkpoint-000000000120.safetensors", to be released. */
char *bp_checkpoint_path(const char *folder, uint64_t step, const bp_allocator *a);
/* Whether both name the same folder, which is there. */
bool bp_checkpoint_same_folder(const char *a, const char *b);

/* Makes the folder if it is not there, and sees to it that this process alone writes there, for as long as *lock is open;
 * what a process that was killed left half written is removed. */
bp_status bp_checkpoint_folder_take(int *lock, const char *folder, const bp_allocator *a);
void bp_checkpoint_folder_leave(int lock); /* -1 is allowed */
/* Removes all but the `keep` newest; those in `apart` are neither counted nor removed. A file that cannot be removed is left. */
void bp_checkpoint_folder_prune(const char *folder, size_t keep, const bp_checkpoint_list *apart,
                                const bp_allocator *a);

#endif
